// SPDX-License-Identifier: Apache-2.0
/** An nginx of our own on loopback, for tests against a web server that is not ours: one process, with our rights, one folder. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Credential } from "../../hosts/simulator/index.js";
import { freePorts } from "./ports.js";

/** Time for nginx to answer. */
const START_LIMIT = 10_000;

/** Debian puts it where only root looks. */
const binary = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
	.map((directory) => join(directory, "nginx"))
	.find((path) => existsSync(path));

/** For the options of a test that needs nginx: skips it where the tool is missing, and says so. In CI it fails instead. */
export const needsNginx: { skip: string | false } = {
	skip: binary === undefined && process.env["CI"] !== "true" ? "SKIPPED: nginx is not installed (apt-get install nginx-light)" : false,
};
if (needsNginx.skip !== false) console.warn(needsNginx.skip);

export class Nginx {
	readonly port: number;
	readonly #directory: string;
	readonly #child: ChildProcess;
	#errors = "";

	/**
	 * @param settings further lines of the server's configuration
	 * @returns when it accepts connections
	 */
	static async start(server: Credential, settings: readonly string[] = []): Promise<Nginx> {
		assert.ok(binary !== undefined, "nginx is not installed (apt-get install nginx-light)");
		const [port] = await freePorts(1);
		const nginx = new Nginx(port!, server, settings);
		try {
			await nginx.#started();
		} catch (error) {
			nginx.stop();
			throw error;
		}
		return nginx;
	}

	private constructor(port: number, server: Credential, settings: readonly string[]) {
		this.port = port;
		const directory = this.#directory = mkdtempSync(join(tmpdir(), "moorline-nginx-"));
		mkdirSync(join(directory, "files"));
		writeFileSync(join(directory, "server.pem"), server.certificatePem);
		writeFileSync(join(directory, "server.key"), server.keyPem, { mode: 0o600 });
		const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${directory}/${kind};`);
		writeFileSync(join(directory, "nginx.conf"), [
			"daemon off;",
			// One process, which stays who we are.
			"master_process off;",
			`pid ${directory}/pid;`,
			"error_log stderr;",
			"events { }",
			"http {",
			"access_log off;",
			...temporary,
			"server {",
			`listen 127.0.0.1:${port} ssl;`,
			`ssl_certificate ${directory}/server.pem;`,
			`ssl_certificate_key ${directory}/server.key;`,
			`root ${directory}/files;`,
			...settings,
			"}",
			"}",
			"",
		].join("\n"));
		this.#child = spawn(binary!, ["-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
		this.#child.stderr!.setEncoding("utf8").on("data", (piece: string) => { this.#errors += piece; });
		process.once("exit", this.#onExit);
	}

	/** Serves `bytes` as /`name`. @returns the URL, at `port` where that is another than its own */
	put(name: string, bytes: Uint8Array, port = this.port): string {
		writeFileSync(join(this.#directory, "files", name), bytes);
		return `https://localhost:${port}/${name}`;
	}

	stop(): void {
		process.off("exit", this.#onExit);
		this.#onExit();
	}

	readonly #onExit = (): void => {
		this.#child.kill("SIGKILL");
		rmSync(this.#directory, { recursive: true, force: true });
	};

	/** It does not say when it listens: somebody must knock. */
	#started(): Promise<void> {
		const begun = performance.now();
		return new Promise((resolve, reject) => {
			const fail = (what: string): void => { reject(new Error(`nginx ${what}:\n${this.#errors}`)); };
			this.#child.once("error", (error) => { fail(error.message); });
			this.#child.once("exit", (code) => { fail(`ended with code ${code}`); });
			const knock = (): void => {
				const socket = connect({ host: "127.0.0.1", port: this.port }, () => {
					socket.destroy();
					resolve();
				});
				socket.once("error", () => {
					if (performance.now() - begun > START_LIMIT) fail(`did not start within ${START_LIMIT} ms`);
					else setTimeout(knock, 20);
				});
			};
			knock();
		});
	}
}
