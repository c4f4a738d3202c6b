// SPDX-License-Identifier: Apache-2.0
/**
 * A session kept on flash, while the power fails: what the application was promised, held against what arrived.
 *
 * A program plays a script, one step at a time, and goes on with it at every boot. The books of what was promised and
 * what arrived are kept outside of the device. Uses nothing of Node: runs on XS as well.
 */
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { serveInWorld } from "../../hosts/simulator/world.js";
import { createWorld, type Device, type Tear, type World } from "../../hosts/world/index.js";
import type { Host } from "../../src/host.js";
import { Client, type ClientOptions } from "../../src/mqtt/client.js";
import type { Protocol, QoS } from "../../src/mqtt/constants.js";
import type { StoreOptions } from "../../src/mqtt/store.js";
import { watchRepeats } from "./repeats.js";

/** ms between two steps of a script, and within which all must be well at its end. */
const PACE = 200;
const SETTLE = 900_000;
const PARTITION = "session";
const ADDRESS = "10.0.0.1";
const PORT = 1883;
const DOWN = "down/#";
export const BLOCK_LENGTH = 4096;

export interface Cut { at: number; tear: Tear }

export type Step = (stage: Stage) => void;

export interface Scenario {
	name: string;
	script: readonly Step[];
	/** Blocks of the partition. Default: 8. */
	blocks?: number;
	store?: Partial<StoreOptions>;
	client?: Partial<ClientOptions>;
	/** Bytes of each message of a batch. */
	length?: number;
	/** The program subscribes to messages for the device. */
	subscribes?: boolean;
	/** Messages that a full queue drops are no broken promise. */
	mayDrop?: boolean;
}

/** What is known of one message. */
interface Entry {
	qos: QoS;
	/** The application was told that it is kept. */
	accepted: boolean;
	arrivals: number;
}

export interface Play {
	/** Of flash and storage, until the end of the script. */
	operations: number;
	boots: number;
	/** Messages at QoS 2 to the device that it had in hand when the power failed. */
	lost: number;
}

export class Stage {
	readonly world: World;
	readonly broker = new Broker();
	readonly device: Device;
	client!: Client;
	host!: Host;
	readonly #scenario: Scenario;
	readonly #protocol: Protocol;
	readonly #up = new Map<string, Entry>();
	readonly #down = new Map<string, Entry>();
	#step = 0;
	#count = 0;
	/** By topic: the number of the last message that arrived for the first time. */
	readonly #order = new Map<string, number>();
	/** Messages sent again without saying so. */
	readonly #repeats = watchRepeats(this.broker);
	operations = 0;
	disorder = "";

	constructor(seed: number, protocol: Protocol, scenario: Scenario, cuts: readonly Cut[], digest?: WorldDigest) {
		this.#scenario = scenario;
		this.#protocol = protocol;
		this.world = createWorld({ seed, ...(digest && { digest }) });
		serveInWorld(this.broker, this.world, { address: ADDRESS, port: PORT });
		this.broker.attach().subscribe("up/#", (topic, payload) => this.arrived(topic, String.fromCharCode(...payload)));
		this.device = this.world.device({
			id: "logger", partitions: { [PARTITION]: (scenario.blocks ?? 8) * BLOCK_LENGTH },
			program: (host) => this.boot(host),
		});
		for (const { at, tear } of cuts) this.device.cutPowerAt(at, tear);
	}

	private boot(host: Host): void {
		this.host = host;
		const { store, client } = this.#scenario;
		this.client = new Client({
			host, server: { name: ADDRESS, port: PORT }, clientId: "logger", protocol: this.#protocol, keepAlive: 20_000,
			reconnect: { base: 100, cap: 1000 }, store: { partition: PARTITION, ...store },
			onMessage: ({ more, bytes, start, end }) => {
				if (!more) entryOf(this.#down, String.fromCharCode(...bytes.subarray(start, end))).arrivals++;
			},
			...client,
		});
		// As a program does at every boot: what is active already is not asked for again.
		if (this.#scenario.subscribes) this.client.subscribe(DOWN, 2);
		const timer = host.timer.repeat(() => {
			const { script } = this.#scenario;
			const step = script[this.#step];
			// Noted before: a step in which the power fails is not done again, as its promises were not made.
			this.#step++;
			step?.(this);
			if (this.#step < script.length) return;
			host.timer.clear(timer);
			this.operations ||= this.device.operations;
		}, PACE);
	}

	/** Publishes a message that nobody published before, and notes whether it was accepted. */
	publish(topic: string, qos: QoS, priority = 0, length = 0): void {
		const name = `${topic} ${++this.#count}`.padEnd(length, ".");
		const entry: Entry = { qos, accepted: false, arrivals: 0 };
		this.#up.set(name, entry);
		entry.accepted = typeof this.client.publish(`up/${topic}`, name, { qos, priority }) === "number";
	}

	/** Messages accepted all at once, or not at all. */
	batch(count: number, qos: QoS): void {
		const names: string[] = [];
		this.client.batch(() => {
			for (let index = 0; index < count; index++) {
				const name = `batch ${++this.#count} `.padEnd(this.#scenario.length ?? 0, ".");
				this.#up.set(name, { qos, accepted: false, arrivals: 0 });
				if (typeof this.client.publish("up/batch", name, { qos }) === "number") names.push(name);
			}
		});
		for (const name of names) this.#up.get(name)!.accepted = true;
	}

	/** A message to the device, if the broker knows that it wants it. */
	send(qos: 1 | 2): void {
		if (!this.broker.session("logger")?.subscriptions.has(DOWN)) return;
		const name = `down ${++this.#count}`;
		this.#down.set(name, { qos, accepted: true, arrivals: 0 });
		this.broker.attach().publish("down/x", Uint8Array.from(name, (character) => character.charCodeAt(0)), { qos });
	}

	private arrived(topic: string, name: string): void {
		const entry = entryOf(this.#up, name);
		if (entry.arrivals++ > 0) return;
		const number = Number.parseInt(name.split(" ")[1]!, 10);
		const last = this.#order.get(topic) ?? 0;
		if (number < last) this.disorder ||= `${name} came after ${last}`;
		this.#order.set(topic, number);
	}

	get done(): boolean {
		return this.#step >= this.#scenario.script.length && this.device.running && this.client.connected
			&& this.client.session.outbox.empty && this.client.session.received.count === 0
			&& [...this.#down.values()].every(({ qos, arrivals }) => qos === 2 || arrivals > 0);
	}

	/** @returns the messages that are lost, doubled or out of order, in words */
	faults(cuts: number): { faults: string[]; lost: number } {
		const faults: string[] = this.disorder === "" ? [...this.#repeats] : [this.disorder, ...this.#repeats];
		for (const [name, { qos, accepted, arrivals }] of this.#up) {
			if (accepted && arrivals === 0 && !this.#scenario.mayDrop) faults.push(`${name}: accepted at QoS ${qos}, and lost`);
			if (qos === 2 && arrivals > 1) faults.push(`${name}: at QoS 2, and came ${arrivals} times`);
		}
		let lost = 0;
		for (const [name, { qos, arrivals }] of this.#down) {
			if (qos === 2 && arrivals > 1) faults.push(`${name}: at QoS 2, and was delivered ${arrivals} times`);
			if (arrivals === 0) lost++;
		}
		if (lost > cuts) faults.push(`${lost} messages to the device are lost, and the power failed ${cuts} times`);
		return { faults, lost };
	}
}

type WorldDigest = NonNullable<Parameters<typeof createWorld>[0]["digest"]>;

function entryOf(entries: Map<string, Entry>, name: string): Entry {
	const entry = entries.get(name);
	if (entry === undefined) throw new Error(`"${name}" is invented`);
	return entry;
}

/** Plays a scenario. @throws Error that names what was promised and not held */
export function play(
	seed: number, protocol: Protocol, scenario: Scenario, cuts: readonly Cut[] = [], digest?: WorldDigest,
): Play {
	const stage = new Stage(seed, protocol, scenario, cuts, digest);
	const { world, device } = stage;
	const where = `${scenario.name}, protocol ${protocol}, seed ${seed}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	world.run(() => stage.done, { within: SETTLE });
	if (device.crashes.length > 0) throw new Error(`${where}: ${String((device.crashes[0]!.error as Error).stack)}`);
	if (!stage.done) throw new Error(`${where}: not settled`);
	// A reset in peace brings nothing back.
	device.restart();
	world.advance(5_000);
	if (!stage.done) throw new Error(`${where}: a reset in peace brings something back`);
	const { faults, lost } = stage.faults(device.boots - 2);
	if (faults.length > 0) throw new Error(`${where}: ${faults.slice(0, 5).join("; ")}`);
	return { operations: stage.operations, boots: device.boots, lost };
}

const wait = (steps: number): Step[] => Array.from({ length: steps }, () => () => {});
const each = (count: number, step: (stage: Stage, index: number) => void): Step[] =>
	Array.from({ length: count }, (_, index) => (stage: Stage) => step(stage, index));
const offline: Step = ({ world }) => world.network.down();
const online: Step = ({ world }) => world.network.up();

export const SCENARIOS: readonly Scenario[] = Object.freeze([
	{ name: "messages on a connection", script: [...wait(2), ...each(6, (stage, index) => stage.publish("a", index % 2 === 0 ? 1 : 2)), ...wait(3)] },
	{
		name: "messages queued offline",
		script: [offline, ...wait(1), ...each(8, (stage, index) => stage.publish("a", index % 2 === 0 ? 2 : 1)), online, ...wait(8)],
	},
	{
		name: "a connection lost under messages",
		script: [
			...wait(2), ...each(5, (stage, index) => {
				stage.publish("a", 2);
				stage.publish("b", 1);
				if (index === 2) stage.world.network.reset();
			}), ...wait(6),
		],
	},
	{
		name: "a broker that loses acknowledgements",
		script: [
			...wait(2), ({ broker }) => { for (const type of ["pubrec", "pubcomp"] as const) broker.faults.dropAcknowledgements(type, { count: 2 }); },
			...each(6, (stage) => stage.publish("a", 2)), ({ world }) => world.network.reset(), ...wait(10),
		],
	},
	{ name: "a batch", script: [...wait(1), (stage) => stage.batch(10, 2), (stage) => stage.batch(10, 1), ...wait(3)] },
	{
		name: "messages to the device", subscribes: true,
		script: [...wait(4), ...each(6, (stage, index) => stage.send(index % 3 === 0 ? 1 : 2)), ...wait(4)],
	},
	{
		name: "messages to the device, several at a time", subscribes: true,
		script: [...wait(4), ...each(3, (stage) => { for (const qos of [2, 1, 2, 2] as const) stage.send(qos); }), ...wait(4)],
	},
	{
		name: "subscriptions that come and go", subscribes: true,
		script: [
			({ client }) => client.subscribe("other/#", 1), ...wait(2), (stage) => stage.send(2),
			({ client }) => client.unsubscribe("other/#"), ({ world }) => world.network.reset(), ...wait(4), (stage) => stage.send(2),
			...wait(3),
		],
	},
	{
		name: "two priorities",
		store: { queues: [{ length: 2 * BLOCK_LENGTH }, {}] },
		script: [offline, ...wait(1), ...each(8, (stage, index) => stage.publish(index % 2 === 0 ? "low" : "high", 2, index % 2)), online, ...wait(8)],
	},
	{
		name: "the partition gone round more than once", blocks: 6,
		script: [...wait(2), ...each(8, (stage) => { for (let count = 0; count < 3; count++) stage.publish("a", 1, 0, 800); }), ...wait(4)],
	},
	{
		name: "a full queue that drops its oldest", blocks: 6, mayDrop: true, store: { queues: [{ whenFull: "drop-oldest" }] },
		script: [offline, ...wait(1), ...each(16, (stage) => stage.publish("a", 1, 0, 1000)), online, ...wait(10)],
	},
	{
		name: "a full queue that refuses", blocks: 6,
		script: [offline, ...wait(1), ...each(16, (stage) => stage.publish("a", 2, 0, 1000)), online, ...wait(10)],
	},
] satisfies Scenario[]);
