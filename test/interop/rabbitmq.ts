// SPDX-License-Identifier: Apache-2.0
/**
 * A RabbitMQ of our own on loopback, with its MQTT plugin: one directory, an Erlang port mapper of its own, and nothing
 * left behind.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./ports.js";

/** Not the one in the PATH, which insists on becoming the user of the system's own RabbitMQ. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const installed = existsSync(SERVER);
/** Time to start: Erlang, its database and the plugin take ten seconds and more of a slow machine. */
const START_LIMIT = 120_000;
const LOG_LIMIT = 100_000;

/** For the options of a test: skips it where there is no RabbitMQ, and says so. In CI nothing is skipped. */
export const needsRabbitMQ: { skip: string | false } = {
	skip: !installed && process.env["CI"] !== "true" ? "SKIPPED: RabbitMQ is not installed (apt-get install rabbitmq-server)" : false,
};
if (needsRabbitMQ.skip !== false) console.warn(needsRabbitMQ.skip);

export class RabbitMQ {
	/** MQTT 3.1.1 over TCP, for everybody. */
	readonly port: number;
	/** ms from its start to its first connection. */
	readonly startTime: number;
	readonly #directory: string;
	readonly #children: readonly ChildProcess[];

	/** @returns when it accepts connections */
	static async start(): Promise<RabbitMQ> {
		assert(installed, "RabbitMQ is not installed (apt-get install rabbitmq-server)");
		const directory = mkdtempSync(join(tmpdir(), "moorline-rabbitmq-"));
		const [port, mapperPort, nodePort] = await freePorts(3) as [number, number, number];
		writeFileSync(join(directory, "rabbitmq.conf"), configuration(port));
		writeFileSync(join(directory, "enabled_plugins"), "[rabbitmq_mqtt].\n");
		const environment = variables(directory, mapperPort, nodePort);
		const begun = performance.now();
		const mapper = spawn("epmd", ["-port", String(mapperPort), "-address", "127.0.0.1"], { stdio: "ignore" });
		// A group of its own: the command is a script, and Erlang has helpers.
		const server = spawn(SERVER, [], { env: environment, cwd: directory, detached: true, stdio: ["ignore", "pipe", "pipe"] });
		const children = [server, mapper];
		const onExit = (): void => remove(children, directory);
		process.once("exit", onExit);
		try {
			await started(server, port);
		} catch (error) {
			onExit();
			throw error;
		}
		return new RabbitMQ(port, performance.now() - begun, directory, children);
	}

	private constructor(port: number, startTime: number, directory: string, children: readonly ChildProcess[]) {
		this.port = port;
		this.startTime = startTime;
		this.#directory = directory;
		this.#children = children;
	}

	async stop(): Promise<void> {
		const ended = this.#children.map((child) => once(child, "close"));
		end(this.#children);
		await Promise.all(ended);
		remove([], this.#directory);
	}
}

function end([server, mapper]: readonly ChildProcess[]): void {
	try {
		if (server?.pid !== undefined) process.kill(-server.pid, "SIGKILL");
	} catch { /* It is gone. */ }
	mapper?.kill("SIGKILL");
}

function remove(children: readonly ChildProcess[], directory: string): void {
	end(children);
	rmSync(directory, { recursive: true, force: true });
}

async function started(server: ChildProcess, port: number): Promise<void> {
	let log = "";
	await new Promise<void>((resolve, reject) => {
		const fail = (what: string): void => { reject(new Error(`RabbitMQ ${what}:\n${log}`)); };
		const limit = setTimeout(() => { fail(`did not start within ${START_LIMIT} ms`); }, START_LIMIT);
		for (const stream of [server.stdout!, server.stderr!]) {
			stream.setEncoding("utf8").on("data", (piece: string) => {
				log = (log + piece).slice(-LOG_LIMIT);
				if (!log.includes("Server startup complete") || !log.includes(`MQTT TCP listener on 127.0.0.1:${port}`)) return;
				clearTimeout(limit);
				resolve();
			});
		}
		server.once("error", (error) => { fail(error.message); });
		server.once("exit", (code) => {
			clearTimeout(limit);
			fail(`ended with code ${code}`);
		});
	});
}

function configuration(port: number): string {
	return [
		"listeners.tcp = none",
		`mqtt.listeners.tcp.1 = 127.0.0.1:${port}`,
		"mqtt.allow_anonymous = true",
		"log.console = true",
		"log.console.level = info",
		"log.file = false",
		"",
	].join("\n");
}

function variables(directory: string, mapperPort: number, nodePort: number): NodeJS.ProcessEnv {
	return {
		PATH: process.env["PATH"],
		LANG: "C.UTF-8",
		// Of the cookie.
		HOME: directory,
		ERL_EPMD_ADDRESS: "127.0.0.1",
		ERL_EPMD_PORT: String(mapperPort),
		RABBITMQ_CONF_ENV_FILE: "/dev/null",
		RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
		RABBITMQ_DIST_PORT: String(nodePort),
		RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
		RABBITMQ_FEATURE_FLAGS_FILE: join(directory, "feature_flags"),
		RABBITMQ_GENERATED_CONFIG_DIR: join(directory, "generated"),
		RABBITMQ_LOG_BASE: join(directory, "log"),
		RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
		RABBITMQ_NODENAME: "moorline@localhost",
		RABBITMQ_PID_FILE: join(directory, "pid"),
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
	};
}
