// SPDX-License-Identifier: Apache-2.0
/** Starts mosquitto for a test, with TLS and required client certificates, and stops it again. */
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Authority } from "../../hosts/simulator/authority.js";

const COMMANDS = ["mosquitto", "/usr/sbin/mosquitto"];
const START_ATTEMPTS = 200;

/** The command, or `undefined` where mosquitto is not installed. @throws Error then, in CI: there it must be */
export function findMosquitto(): string | undefined {
	const found = COMMANDS.find(command => spawnSync(command, ["-h"]).error === undefined);
	if (found === undefined && process.env["CI"] === "true") throw new Error("mosquitto is not installed, and CI needs it");
	return found;
}

export class Mosquitto {
	readonly port: number;
	readonly #command: string;
	readonly #directory: string;
	#process: ChildProcess | undefined;

	private constructor(command: string, directory: string, port: number) {
		this.#command = command;
		this.#directory = directory;
		this.port = port;
	}

	get url(): string { return `mqtts://localhost:${this.port}`; }

	static async start(command: string, authority: Authority): Promise<Mosquitto> {
		const directory = mkdtempSync(join(tmpdir(), "moorline-mosquitto-"));
		const port = await freePort();
		const server = await authority.issueServer();
		writeFileSync(join(directory, "ca.pem"), authority.certificatePem);
		writeFileSync(join(directory, "server.pem"), server.certificatePem);
		writeFileSync(join(directory, "server.key"), server.keyPem, { mode: 0o600 });
		writeFileSync(join(directory, "mosquitto.conf"), [
			`listener ${port} 127.0.0.1`, "persistence false", "require_certificate true", "use_identity_as_username true",
			// Started as root, mosquitto would become a user that cannot read the key.
			...(process.getuid?.() === 0 ? ["user root"] : []),
			...[["cafile", "ca.pem"], ["certfile", "server.pem"], ["keyfile", "server.key"]].map(([name, file]) => `${name} ${join(directory, file!)}`),
			"",
		].join("\n"));
		const mosquitto = new Mosquitto(command, directory, port);
		await mosquitto.run();
		return mosquitto;
	}

	/** Runs it (again), and returns when it listens. */
	async run(): Promise<void> {
		const child = spawn(this.#command, ["-c", join(this.#directory, "mosquitto.conf")], { stdio: "ignore" });
		this.#process = child;
		for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
			if (child.exitCode !== null) throw new Error(`mosquitto ended with code ${child.exitCode}`);
			if (await accepts(this.port)) return;
		}
		throw new Error("mosquitto does not listen");
	}

	/** As a crash would. */
	async kill(): Promise<void> {
		const child = this.#process;
		this.#process = undefined;
		if (!child || child.exitCode !== null) return;
		const ended = once(child, "exit");
		child.kill("SIGKILL");
		await ended;
	}

	async stop(): Promise<void> {
		await this.kill();
		rmSync(this.#directory, { recursive: true, force: true });
	}
}

export async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

/** Paced by a timer: a refused connection comes back at once, and the process needs time to start. */
async function accepts(port: number): Promise<boolean> {
	const socket = connect(port, "127.0.0.1");
	const accepted = await new Promise<boolean>(resolve => {
		socket.once("connect", () => { resolve(true); });
		socket.once("error", () => { setTimeout(resolve, 25, false); });
	});
	socket.destroy();
	return accepted;
}
