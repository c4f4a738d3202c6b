// SPDX-License-Identifier: Apache-2.0
/**
 * Two clients and a broker in two troubled minutes, out of one seed: loss, split reads, broken and half-open
 * connections, power cuts of the sender, and all that a broker may do: refuse, delay, lose acknowledgements, send twice,
 * hang, kick, restart. Then the trouble ends, and everything that was accepted must have arrived: at QoS 1 at least
 * once, at QoS 2 exactly once, each topic in its order. And the broker must have seen no fault of ours.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import type { Acknowledgement } from "../../hosts/simulator/broker/faults.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { serveInWorld } from "../../hosts/simulator/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import type { Host } from "../../src/host.js";
import { Client, type ClientOptions } from "../../src/mqtt/client.js";
import type { Protocol, QoS } from "../../src/mqtt/constants.js";
import { watchRepeats } from "./repeats.js";

/** Virtual ms of trouble, and those within which all must be well after it. */
const TROUBLE = 120_000;
const RECOVERY = 3_600_000;
/** A device that hears nothing more after this time hears nothing at all. */
const AFTERMATH = 60_000;
const MESSAGES = 40;
const TROUBLES = 12;
const ADDRESS = "10.0.0.1";
const PORT = 1883;
const PARTITION = "session";
const PARTITION_LENGTH = 8 * 4096;
const ACKNOWLEDGEMENTS: readonly Acknowledgement[] = Object.freeze(["puback", "pubrec", "pubcomp", "pubrel", "suback"]);

export interface Outcome {
	fingerprint: string;
	connections: number;
	boots: number;
	/** Messages that came more than once, at QoS 1. */
	copies: number;
}

export type WorldDigest = NonNullable<Parameters<typeof createWorld>[0]["digest"]>;

/** What one topic's messages came to. Their numbers go up. */
class Topic {
	readonly name: string;
	readonly qos: QoS;
	readonly accepted = new Set<number>();
	readonly arrivals: number[] = [];
	#next = 1;

	constructor(qos: QoS) {
		this.name = `topic/${qos}`;
		this.qos = qos;
	}

	get done(): boolean { return this.#next > MESSAGES; }
	get complete(): boolean { return this.done && [...this.accepted].every(number => this.arrivals.includes(number)); }
	get copies(): number { return this.arrivals.length - new Set(this.arrivals).size; }

	/** Offers the next message. If the power fails meanwhile, nobody knows whether it was accepted. */
	publish(client: Client): void {
		const number = this.#next++;
		const result = client.publish(this.name, String(number), { qos: this.qos });
		if (typeof result === "number") this.accepted.add(number);
		// Refused for want of room: it is offered again.
		else this.#next--;
	}

	/** What is wrong, or "". */
	get verdict(): string {
		const first = this.arrivals.filter((number, index) => this.arrivals.indexOf(number) === index);
		const lost = [...this.accepted].filter(number => !first.includes(number));
		if (lost.length > 0) return `${this.name}: lost ${lost.join(" ")}`;
		if (this.qos === 2 && this.copies > 0) return `${this.name}: twice in ${this.arrivals.join(" ")}`;
		return first.every((number, index) => index === 0 || number > first[index - 1]!) ? "" : `${this.name}: out of order in ${first.join(" ")}`;
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function exchange(seed: number, protocol: Protocol, digest: WorldDigest): Outcome {
	const world = createWorld({ seed, digest });
	const { random } = world;
	const offences: string[] = [];
	let connections = 0;
	const broker = new Broker({
		limits: { receiveMaximum: random.between(1, 8), inflightMaximum: random.between(1, 10), outgoingAliasMaximum: random.between(0, 3) },
		onConnected() { connections++; },
		onDisconnected({ clientId }, reason) {
			if (reason === "malformed" || reason === "violation" || reason === "too-large") offences.push(`${clientId}: ${reason}`);
		},
	});
	const repeats = watchRepeats(broker);
	serveInWorld(broker, world, { address: ADDRESS, port: PORT });
	const topics = [new Topic(1), new Topic(2)];
	const isDurable = random.chance(0.3);
	const options = (host: Host, clientId: string): ClientOptions => ({
		host, clientId, protocol, server: { name: ADDRESS, port: PORT }, keepAlive: 20_000,
		...(protocol === 5 ? { topicAliases: random.between(0, 3), topicAliasMaximum: random.between(0, 3), receiveMaximum: random.between(1, 8) } : {}),
	});
	world.device({
		id: "receiver", program(host) {
			const client = new Client({
				...options(host, "receiver"),
				onMessage({ topic, bytes, start, end }) {
					topics.find(({ name }) => name === topic)!.arrivals.push(Number(String.fromCharCode(...bytes.subarray(start, end))));
				},
			});
			client.subscribe("topic/+", 2);
		},
	});
	world.run(() => broker.session("receiver")?.subscriptions.size === 1, { within: RECOVERY });
	let sender: Client;
	const device = world.device({
		id: "sender", partitions: { [PARTITION]: PARTITION_LENGTH }, program(host) {
			sender = new Client({ ...options(host, "sender"), ...(isDurable ? { store: { partition: PARTITION } } : {}) });
			const publish = () => {
				const left = topics.filter(({ done }) => !done);
				if (left.length === 0) return;
				left[random.between(0, left.length - 1)]!.publish(sender);
				host.timer.set(publish, random.between(1, 3_000));
			};
			host.timer.set(publish, 1);
		},
	});
	const end = makeTrouble(world, broker, () => { if (isDurable) device.cutPower(); });
	world.run(world.clock.now + TROUBLE);
	end();
	const fail = (message: string) => new Error(`seed ${seed}, protocol ${protocol}: ${message}`);
	try {
		world.run(() => topics.every(({ complete }) => complete) && sender.session.outbox.empty, { within: RECOVERY });
	} catch (error) {
		throw fail(`${topics.map(({ verdict }) => verdict).join("; ")}; ${String(error)}`);
	}
	world.run(world.clock.now + AFTERMATH);
	const crash = world.devices.flatMap(({ crashes }) => crashes)[0];
	if (crash) throw fail(`crashed: ${String(crash.error)}`);
	const faults = [...topics.map(({ verdict }) => verdict), ...offences, ...repeats].filter(text => text !== "");
	if (faults.length > 0) throw fail(faults.join("; "));
	return { fingerprint: world.fingerprint, connections, boots: device.boots, copies: topics[0]!.copies };
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble({ random, network, timer }: World, broker: Broker, cutPower: () => void): () => void {
	network.delay(1, random.between(2, 100));
	network.lose(random.chance(0.5) ? random.between(0, 20) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const { faults } = broker;
	const client = () => random.chance(0.5) ? "sender" : "receiver";
	const troubles: readonly (() => void)[] = [
		() => faults.refuse("unavailable", { count: random.between(1, 2) }),
		() => faults.delay(random.between(0, 2_000)),
		() => faults.dropAcknowledgements(ACKNOWLEDGEMENTS[random.between(0, ACKNOWLEDGEMENTS.length - 1)]!, { count: random.between(1, 3) }),
		() => faults.duplicate({ count: random.between(1, 4) }),
		() => {
			faults.silence();
			timer.set(() => faults.speak(), random.between(10, 60_000));
		},
		() => faults.kick(client(), random.chance(0.5) ? 0x98 : undefined),
		() => faults.restart({ notice: random.chance(0.5) }),
		() => network.reset(),
		() => network.halfOpen(),
		cutPower,
	];
	for (let index = 0; index < TROUBLES; index++) timer.set(troubles[random.between(0, troubles.length - 1)]!, random.between(0, TROUBLE));
	return () => {
		network.calm();
		faults.clear();
		// What lost its acknowledgement is sent again on a new connection, and not before.
		faults.restart();
	};
}
