// SPDX-License-Identifier: Apache-2.0
/**
 * libcoap's own server and client on loopback: a CoAP that is not ours, over UDP, TCP, and DTLS and TLS of two libraries.
 *
 * Debian's package names the commands after the library that they are built with: `coap-server-openssl` and so on.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { freePorts } from "./ports.js";

/** What the commands are built with. "notls" has neither DTLS nor TLS. */
export type LibcoapBuild = "notls" | "openssl" | "gnutls";

export interface LibcoapOptions {
	/** Default: "notls". */
	build?: LibcoapBuild;
	/** A key for everybody, whatever their identity: DTLS and TLS on `securePort`. */
	key?: string;
	/** Resources that a PUT may create. Default: 100. */
	resources?: number;
	/** Datagrams that it does not send: numbers and ranges ("1,3-5"), or a share ("25%"). */
	losses?: string;
	/** Further words of its command line. */
	words?: readonly string[];
}

/** Time for a server to say that it listens, and for a client to end. */
const LIMIT = 20_000;
/** Of the log, the newest characters are kept. */
const LOG_LIMIT = 1_000_000;
/** Somebody else may take a port before the server does. */
const ATTEMPTS = 5;

const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"];
const find = (command: string) => directories.map(directory => join(directory, command)).find(path => existsSync(path));

/**
 * For the options of a test that needs libcoap: skips it where the tool is missing, and says so. In CI nothing is
 * skipped, so the test fails where it starts one.
 */
export const needsLibcoap: { skip: string | false } = {
	skip: find("coap-server-notls") === undefined && process.env["CI"] !== "true"
		? "SKIPPED: libcoap is not installed (apt-get install libcoap3-bin)" : false,
};
if (needsLibcoap.skip !== false) console.warn(needsLibcoap.skip);

function binary(command: "server" | "client", build: LibcoapBuild): string {
	const path = find(`coap-${command}-${build}`);
	assert(path !== undefined, `coap-${command}-${build} is not installed (apt-get install libcoap3-bin)`);
	return path;
}

export class LibcoapServer {
	readonly address = "127.0.0.1";
	/** UDP and TCP. */
	readonly port: number;
	/** DTLS and TLS, where it has a key. */
	readonly securePort: number;
	readonly #child: ChildProcess;
	#logs = "";
	/** Called after each piece of the log, and at its end. */
	#waiting: (() => void)[] = [];

	/** @returns when it listens; it ends with the test */
	static async start(context: TestContext, options: LibcoapOptions = {}): Promise<LibcoapServer> {
		for (let attempt = 1;; attempt++) {
			const server = new LibcoapServer(options, await freePair());
			process.once("exit", server.#onExit);
			context.after(() => server.stop());
			if (await server.#listens(options.key !== undefined)) return server;
			await server.stop();
			assert(attempt < ATTEMPTS, `libcoap does not listen:\n${server.logs}`);
		}
	}

	private constructor({ build = "notls", key, resources = 100, losses, words = [] }: LibcoapOptions, port: number) {
		this.port = port;
		this.securePort = port + 1;
		this.#child = spawn(binary("server", build), [
			"-A", this.address, "-p", String(port), "-v", "7", "-d", String(resources),
			...(key === undefined ? [] : ["-k", key]),
			...(losses === undefined ? [] : ["-l", losses]),
			...words,
		], { stdio: ["ignore", "pipe", "pipe"] });
		for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
			stream.setEncoding("utf8").on("data", (piece: string) => {
				this.#logs = (this.#logs + piece).slice(-LOG_LIMIT);
				this.#look();
			});
		}
		this.#child.once("close", () => { this.#look(); });
	}

	/** Everything that it said. */
	get logs(): string {
		return this.#logs;
	}

	/** Resolves when its log has a line that matches. */
	async logged(pattern: RegExp): Promise<void> {
		while (!pattern.test(this.#logs)) {
			assert(this.#child.exitCode === null, `libcoap ended:\n${this.#logs}`);
			await new Promise<void>(resolve => { this.#waiting.push(resolve); });
		}
	}

	/** Ends it as a power cut would, or politely. @returns when it is gone */
	async stop(signal: "SIGKILL" | "SIGINT" = "SIGKILL"): Promise<void> {
		process.off("exit", this.#onExit);
		if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
		const gone = once(this.#child, "exit");
		this.#child.kill(signal);
		await gone;
	}

	readonly #onExit = (): void => { this.#child.kill("SIGKILL"); };

	async #listens(secure: boolean): Promise<boolean> {
		const last = secure ? `created TLS  endpoint ${this.address}:${this.securePort}` : `created TCP  endpoint ${this.address}:${this.port}`;
		const limit = AbortSignal.timeout(LIMIT);
		limit.addEventListener("abort", () => { this.#look(); });
		while (!this.#logs.includes(last)) {
			if (limit.aborted || this.#child.exitCode !== null) return false;
			await new Promise<void>(resolve => { this.#waiting.push(resolve); });
		}
		return !/cannot|failed/i.test(this.#logs);
	}

	#look(): void {
		for (const look of this.#waiting.splice(0)) look();
	}
}

export interface LibcoapAnswer {
	/** Standard output: the payload. */
	payload: Buffer;
	/** What it says about it, such as "4.04". */
	remarks: string;
}

/** `coap-client` with these arguments, until it ends. */
export async function libcoapClient(context: TestContext, words: readonly string[], build: LibcoapBuild = "notls"): Promise<LibcoapAnswer> {
	const child = spawn(binary("client", build), words, { stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT });
	context.after(() => { child.kill("SIGKILL"); });
	const payload: Buffer[] = [];
	let remarks = "";
	child.stdout.on("data", (piece: Buffer) => { payload.push(piece); });
	child.stderr.setEncoding("utf8").on("data", (piece: string) => { remarks += piece; });
	await once(child, "close");
	return { payload: Buffer.concat(payload), remarks };
}

/** The first of two neighbouring ports that were free a moment ago, both for UDP and for TCP. */
async function freePair(): Promise<number> {
	for (;;) {
		const [port] = await freePorts(1);
		if (port! < 65_535 && await isFree(port!) && await isFree(port! + 1)) return port!;
	}
}

async function isFree(port: number): Promise<boolean> {
	const tcp = createServer(), udp = createSocket("udp4");
	try {
		await Promise.all([
			once(tcp.listen(port, "127.0.0.1"), "listening"),
			new Promise<void>((resolve, reject) => { udp.once("error", reject).bind(port, "127.0.0.1", resolve); }),
		]);
		return true;
	} catch {
		return false;
	} finally {
		if (tcp.listening) await new Promise(resolve => { tcp.close(resolve); });
		udp.close();
	}
}
