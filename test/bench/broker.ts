// SPDX-License-Identifier: Apache-2.0
/**
 * End to end on Node: our client and MQTT.js through one mosquitto on loopback, in turn, many short rounds each.
 *
 * At QoS 1 a round counts acknowledgements, at QoS 0 messages that came back to the client that published them; so many
 * are under way at a time. Broker and machine disturb both alike: the ratio of the medians is the figure.
 */
import { spawn, type ChildProcess } from "node:child_process";
import mqtt, { type MqttClient } from "mqtt";
import { createHost } from "../../hosts/node/host.js";
import { SEND_WINDOW } from "../../hosts/node/stream.js";
import { Client } from "../../src/mqtt/index.js";
import { freePort } from "../simulator/mosquitto.js";

export type Level = 0 | 1;

export interface BrokerRow {
	qos: Level;
	inFlight: number;
	/** Messages a second. */
	ours: number;
	theirs: number;
}

const IN_FLIGHT = [1, 100] as const;
/** Bytes of payload. */
export const SIZE = 200;
export const ROUND_COUNT = 21;
/** ms that a round takes at least. */
const ROUND = 100;
/** Bytes for the messages of ours that are under way. */
const QUEUE = 64 * 1024;
const TOPIC = "site/12/line/3/sensor/5/temperature";

/** A client at work. */
interface Peer {
	/** Publishes `count` messages, so many in flight, and resolves when the last is done. */
	run(count: number, qos: Level, inFlight: number): Promise<void>;
	close(): void;
}

/** One round: how many are still to be published, and to be done. */
class Round {
	readonly ended: Promise<void>;
	#resolve!: () => void;
	#unpublished: number;
	#undone: number;
	readonly #publish: () => void;

	constructor(count: number, inFlight: number, publish: () => void) {
		this.#unpublished = this.#undone = count;
		this.#publish = publish;
		this.ended = new Promise((resolve) => { this.#resolve = resolve; });
		for (let index = Math.min(count, inFlight); index > 0; index--) this.#next();
	}

	done(): void {
		if (this.#unpublished > 0) this.#next();
		if (--this.#undone === 0) this.#resolve();
	}

	#next(): void {
		this.#unpublished--;
		this.#publish();
	}
}

async function ours(port: number): Promise<Peer> {
	const payload = new Uint8Array(SIZE).fill(0x41);
	let round: Round | undefined;
	const done = (): void => round?.done();
	let subscribed!: () => void;
	const ready = new Promise<void>((resolve) => { subscribed = resolve; });
	const client = new Client({
		host: createHost({ directory: "nowhere" }), server: { name: "127.0.0.1", port }, clientId: "ours", cleanStart: true,
		inflightLength: QUEUE, bufferLength: SEND_WINDOW, receiveMaximum: Math.max(...IN_FLIGHT),
		onMessage: done, onAcknowledged: done, onSubscribed: subscribed,
	});
	client.subscribe(`ours/0/${TOPIC}`, 0);
	await ready;
	return {
		async run(count, qos, inFlight) {
			const topic = `ours/${qos}/${TOPIC}`;
			const options = { qos };
			round = new Round(count, inFlight, () => {
				const id = client.publish(topic, payload, options);
				if (typeof id !== "number") throw new Error(id);
			});
			await round.ended;
		},
		close: () => client.close(),
	};
}

async function theirs(port: number): Promise<Peer> {
	const payload = Buffer.alloc(SIZE, 0x41);
	let round: Round | undefined;
	const client: MqttClient = mqtt.connect({ host: "127.0.0.1", port, clientId: "theirs", clean: true });
	await new Promise<void>((resolve) => { client.once("connect", () => resolve()); });
	await client.subscribeAsync(`theirs/0/${TOPIC}`, { qos: 0 });
	client.on("message", () => round?.done());
	return {
		async run(count, qos, inFlight) {
			const topic = `theirs/${qos}/${TOPIC}`;
			const options = { qos };
			const done = (error?: unknown): void => {
				if (error !== undefined && error !== null) throw error;
				round?.done();
			};
			round = new Round(count, inFlight, () => {
				if (qos === 0) client.publish(topic, payload, options);
				else client.publish(topic, payload, options, done);
			});
			await round.ended;
		},
		close: () => client.end(true),
	};
}

/** @param command starts mosquitto, as `findMosquitto` gave it */
export async function measureBroker(command: string): Promise<BrokerRow[]> {
	const port = await freePort();
	const mosquitto = await startMosquitto(command, port);
	const peers: Peer[] = [];
	try {
		for (const make of [ours, theirs]) peers.push(await make(port));
		const rows: BrokerRow[] = [];
		for (const qos of [0, 1] as const) {
			for (const inFlight of IN_FLIGHT) rows.push(await compare(peers, qos, inFlight));
		}
		return rows;
	} finally {
		for (const peer of peers) peer.close();
		mosquitto.kill();
	}
}

/** Without a file of configuration it listens on loopback only, and says little. @returns when it runs */
function startMosquitto(command: string, port: number): Promise<ChildProcess> {
	const child = spawn(command, ["-p", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
	return new Promise((resolve, reject) => {
		let said = "";
		child.stderr.setEncoding("utf8").on("data", (piece: string) => {
			said = said.slice(-1_000) + piece;
			if (said.includes(" running")) resolve(child);
		});
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`mosquitto ended with code ${code}:\n${said}`)));
	});
}

async function compare(peers: readonly Peer[], qos: Level, inFlight: number): Promise<BrokerRow> {
	const counts: number[] = [];
	for (const peer of peers) counts.push(await calibrate(peer, qos, inFlight));
	const rates: number[][] = peers.map(() => []);
	for (let index = 0; index < ROUND_COUNT * peers.length; index++) {
		const which = index % peers.length;
		const begin = performance.now();
		await peers[which]!.run(counts[which]!, qos, inFlight);
		rates[which]!.push(counts[which]! / (performance.now() - begin) * 1000);
	}
	return { qos, inFlight, ours: median(rates[0]!), theirs: median(rates[1]!) };
}

/** Messages that take about a round. */
async function calibrate(peer: Peer, qos: Level, inFlight: number): Promise<number> {
	for (let count = 128; ; count *= 2) {
		const begin = performance.now();
		await peer.run(count, qos, inFlight);
		if (performance.now() - begin >= ROUND) return count;
	}
}

function median(values: number[]): number {
	return values.sort((left, right) => left - right)[values.length >> 1]!;
}
