// SPDX-License-Identifier: Apache-2.0
/** Clients that are not ours, at the other end of the topics: MQTT.js, and mosquitto's commands. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { connect, type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import { Inbox } from "./inbox.js";

export interface Heard { topic: string; text: string; qos: number; retain: boolean; properties: IPublishPacket["properties"] }

export class Peer {
	readonly messages = new Inbox<Heard>();
	readonly mqtt: MqttClient;

	/** Connects once, and stays until the test is over. */
	static async join(context: TestContext, url: string, options: IClientOptions = {}): Promise<Peer> {
		const peer = new Peer(connect(url, { reconnectPeriod: 0, connectTimeout: 10_000, manualConnect: true, ...options }));
		context.after(() => peer.mqtt.endAsync(true));
		const joined = new Promise<IConnackPacket>((resolve, reject) => {
			peer.mqtt.once("connect", resolve);
			peer.mqtt.once("error", reject);
			peer.mqtt.once("close", () => { reject(new Error("closed")); });
		});
		peer.mqtt.connect();
		await joined;
		return peer;
	}

	private constructor(mqtt: MqttClient) {
		this.mqtt = mqtt;
		mqtt.on("message", (topic, payload, { qos, retain, properties }) => {
			this.messages.put({ topic, text: payload.toString(), qos, retain, properties });
		});
		mqtt.on("error", () => { /* The test waits for what it wants, and fails when that does not come. */ });
	}
}

/** `mosquitto_pub` with these arguments, until it ended well. */
export async function mosquittoPublish(port: number, ...words: string[]): Promise<void> {
	await promisify(execFile)("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), ...words], { timeout: 20_000 });
}

/** What `mosquitto_sub` hears, as its JSON; it ends by itself after `count` messages. */
export async function mosquittoHear(context: TestContext, port: number, count: number, ...words: string[]): Promise<Record<string, unknown>[]> {
	const child = spawn("mosquitto_sub", ["-h", "127.0.0.1", "-p", String(port), "-C", String(count), "-F", "%j", ...words], { stdio: ["ignore", "pipe", "inherit"] });
	context.after(() => { child.kill("SIGKILL"); });
	let said = "";
	child.stdout.setEncoding("utf8").on("data", (piece: string) => { said += piece; });
	await once(child, "close");
	return said.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}
