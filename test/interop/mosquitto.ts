// SPDX-License-Identifier: Apache-2.0
/**
 * A mosquitto of our own on loopback, for tests against a broker that is not ours.
 *
 * With TLS it has the strictness of a real cloud: a client certificate is required, and its common name is the user. It
 * is killed without mercy and started again on the same ports, because that is what a device must live with.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { toPEM, type Identity } from "../host/certificates.js";
import { freePorts } from "./ports.js";

export interface MosquittoOptions {
	/** Opens `port`, with TLS: devices must show a certificate below this anchor. */
	anchor?: Uint8Array;
	server?: Identity;
	/** Opens `plainPort`, without TLS, for everybody. */
	plain?: boolean;
	/** Opens `websocketPort`, without TLS, for everybody. */
	websocket?: boolean;
	/** Further lines of its configuration, of the plain listener where they are a listener's. */
	settings?: readonly string[];
	/** Who may do what at the plain listener, or where there is none at that with TLS. Absent: everybody everything. */
	access?: string;
}

/** Time for mosquitto to say that it runs. */
const START_LIMIT = 10_000;
/** Of the log, the newest characters are kept. */
const LOG_LIMIT = 1_000_000;

/** Debian puts it where only root looks. */
const binary = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
	.map(directory => join(directory, "mosquitto"))
	.find(path => existsSync(path));

/**
 * For the options of a test that needs mosquitto: skips it where the tool is missing, and says so. In CI nothing
 * is skipped, so the test fails at `Mosquitto.start`.
 */
export const needsMosquitto: { skip: string | false } = {
	skip: binary === undefined && process.env["CI"] !== "true" ? "SKIPPED: mosquitto is not installed (apt-get install mosquitto)" : false,
};
if (needsMosquitto.skip !== false) console.warn(needsMosquitto.skip);

export class Mosquitto {
	readonly address = "127.0.0.1";
	/** TLS with client certificates; 0 when there is none. */
	readonly port: number;
	/** 0 when there is none. */
	readonly plainPort: number;
	/** 0 when there is none. */
	readonly websocketPort: number;
	readonly #directory: string;
	readonly #settings: string[];
	#child: ChildProcess | undefined;
	#logs = "";
	/** Called after each piece of the log. */
	#waiting: (() => void)[] = [];

	/** @returns when it accepts connections */
	static async start(options: MosquittoOptions): Promise<Mosquitto> {
		assert(binary !== undefined, "mosquitto is not installed (apt-get install mosquitto)");
		const mosquitto = new Mosquitto(options, await freePorts(3));
		process.once("exit", mosquitto.#onExit);
		await mosquitto.restart();
		return mosquitto;
	}

	private constructor({ anchor, server, plain = false, websocket = false, settings = [], access }: MosquittoOptions, ports: readonly number[]) {
		this.port = server ? ports[0]! : 0;
		this.plainPort = plain ? ports[1]! : 0;
		this.websocketPort = websocket ? ports[2]! : 0;
		this.#directory = mkdtempSync(join(tmpdir(), "moorline-mosquitto-"));
		this.#settings = [...settings];
		if (access !== undefined) {
			this.#put("access", access);
			this.#settings.push(`acl_file ${join(this.#directory, "access")}`);
		}
		if (anchor && server) {
			this.#put("anchor.pem", toPEM("CERTIFICATE", anchor));
			this.#put("server.pem", server.chain.map(certificate => toPEM("CERTIFICATE", certificate)).join(""));
			this.#put("server.key", toPEM("PRIVATE KEY", server.key));
		}
		this.#put("mosquitto.conf", this.#configuration());
	}

	/** Everything that it said, from its first start on. */
	get logs(): string {
		return this.#logs;
	}

	/** Resolves when its log has a line that matches. */
	async logged(pattern: RegExp): Promise<void> {
		while (!pattern.test(this.#logs)) await new Promise<void>(resolve => { this.#waiting.push(resolve); });
	}

	/** Ends it as a power cut would. @returns when it is gone */
	kill(): Promise<void> {
		const child = this.#child;
		if (child === undefined) return Promise.resolve();
		this.#child = undefined;
		return new Promise(resolve => {
			child.once("exit", () => resolve());
			child.kill("SIGKILL");
		});
	}

	/** Starts it (again) on the same ports. @returns when it accepts connections */
	async restart(): Promise<void> {
		await this.kill();
		const child = spawn(binary!, ["-c", join(this.#directory, "mosquitto.conf")], { stdio: ["ignore", "ignore", "pipe"] });
		this.#child = child;
		const begun = this.#logs.length;
		await new Promise<void>((resolve, reject) => {
			const fail = (what: string) => reject(new Error(`mosquitto ${what}:\n${this.#logs.slice(begun)}`));
			const limit = setTimeout(() => fail(`did not start within ${START_LIMIT} ms`), START_LIMIT);
			let text = "";
			child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
				this.#logs = (this.#logs + piece).slice(-LOG_LIMIT);
				text = (text + piece).slice(-LOG_LIMIT);
				for (const look of this.#waiting.splice(0)) look();
				// It says so after it has opened its listeners.
				if (/mosquitto version \S+ running/.test(text)) resolve();
			});
			child.once("error", error => fail(error.message));
			child.once("exit", code => fail(`ended with code ${code}`));
			child.once("exit", () => clearTimeout(limit));
		}).catch(async error => {
			await this.stop();
			throw error;
		});
	}

	/** Ends it and removes what it left. */
	async stop(): Promise<void> {
		await this.kill();
		process.off("exit", this.#onExit);
		rmSync(this.#directory, { recursive: true, force: true });
	}

	readonly #onExit = (): void => {
		this.#child?.kill("SIGKILL");
		rmSync(this.#directory, { recursive: true, force: true });
	};

	#put(name: string, content: string): void {
		writeFileSync(join(this.#directory, name), content, { mode: 0o600 });
	}

	#configuration(): string {
		const listener = (port: number, ...settings: string[]) => port === 0 ? [] : [`listener ${port} ${this.address}`, ...settings];
		return [
			"per_listener_settings true",
			// Started by root it would become another user, who may not read the key.
			`user ${userInfo().username}`,
			"persistence false",
			"log_dest stderr",
			"log_type all",
			...listener(this.port,
				`cafile ${join(this.#directory, "anchor.pem")}`,
				`certfile ${join(this.#directory, "server.pem")}`,
				`keyfile ${join(this.#directory, "server.key")}`,
				"require_certificate true",
				"use_identity_as_username true",
				...(this.plainPort === 0 ? this.#settings : []),
			),
			...listener(this.websocketPort, "protocol websockets", "allow_anonymous true"),
			...listener(this.plainPort, "allow_anonymous true", ...this.#settings),
			"",
		].join("\n");
	}
}
