// SPDX-License-Identifier: Apache-2.0
/** The vendor's own device SDK, `aws-iot-device-sdk-v2`, unmodified, in a process beside the test. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeviceIdentity } from "../../hosts/simulator/index.js";
import { Inbox } from "../interop/inbox.js";
import { credentialsOf } from "../simulator/clients.js";
import type { Command, ConnectOptions, FromProgram, Service, ToProgram } from "./programs/protocol.js";

const PROGRAM = fileURLToPath(new URL("programs/sdk.js", import.meta.url));

/** Why the SDK does not run here, or undefined. In CI it must. */
export async function sdkObstacle(): Promise<string | undefined> {
	try {
		await import("aws-iot-device-sdk-v2");
		return undefined;
	} catch (error) {
		if (process.env["CI"] === "true") throw error;
		return `aws-iot-device-sdk-v2 does not load on ${process.platform}-${process.arch}: ${(error as Error).message.split("\n")[0]}`;
	}
}

/** What the cloud answered to a request that it refused. */
export class Refused extends Error {
	readonly answer: any;

	constructor(message: string, answer: unknown) {
		super(message);
		this.answer = answer;
	}
}

interface Waiting {
	resolve(result: any): void;
	reject(error: Error): void;
}

export class Sdk {
	readonly #child: ChildProcess;
	readonly #waiting = new Map<number, Waiting>();
	readonly #streams = new Map<number, Inbox<any>>();
	#numbers = 0;

	constructor() {
		this.#child = fork(PROGRAM);
		this.#child.on("message", (message: FromProgram) => { this.#take(message); });
		this.#child.on("exit", (code, signal) => {
			for (const { reject } of this.#waiting.values()) reject(new Error(`the SDK's process ended: ${code ?? signal}`));
			this.#waiting.clear();
		});
	}

	/** One that ends with the test. */
	static start(context: TestContext): Sdk {
		const sdk = new Sdk();
		context.after(() => sdk.end());
		return sdk;
	}

	async connect(identity: DeviceIdentity, options: Pick<ConnectOptions, "protocol" | "resume"> & Partial<ConnectOptions>): Promise<void> {
		const { hostname, port } = new URL(identity.endpoint);
		const { key, ...credentials } = credentialsOf(identity);
		const all = { host: hostname, port: Number(port), key: key.toString(), ...credentials, ...options };
		await this.#do({ do: "connect", options: all });
	}

	async disconnect(): Promise<void> {
		await this.#do({ do: "disconnect" });
	}

	async reconnected(): Promise<void> {
		await this.#do({ do: "reconnected" });
	}

	/** What the service's client answers; a refusal of the cloud's is thrown as `Refused`. */
	request(service: Service, method: string, body: object): Promise<any> {
		return this.#do({ do: "request", service, method, body });
	}

	/** The messages of a stream, from its subscription on. */
	async open(service: Service, method: string, body: object): Promise<Inbox<any>> {
		const inbox = new Inbox<any>();
		this.#streams.set(this.#numbers + 1, inbox);
		await this.#do({ do: "open", service, method, body });
		return inbox;
	}

	async end(): Promise<void> {
		if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
		const exit = once(this.#child, "exit");
		this.#child.disconnect();
		await exit;
	}

	#do(command: Command): Promise<any> {
		const number = ++this.#numbers;
		return new Promise((resolve, reject) => {
			this.#waiting.set(number, { resolve, reject });
			this.#child.send({ ...command, number } satisfies ToProgram);
		});
	}

	#take(message: FromProgram): void {
		if ("event" in message) return this.#streams.get(message.number)!.put(message.event);
		const waiting = this.#waiting.get(message.number);
		this.#waiting.delete(message.number);
		if (!("error" in message)) waiting?.resolve(message.result);
		else waiting?.reject(message.modeled === undefined ? new Error(message.error) : new Refused(message.error, message.modeled));
	}
}
