// SPDX-License-Identifier: Apache-2.0
/**
 * Commands for a whole device, out of one seed: each request comes five times and in any order, some are canceled, some
 * have no time left, while the network fails and the power is cut, also within each operation of the storage. Then the
 * trouble ends. None may have been begun twice, and whatever the device says of one is always the same.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { identityValues } from "../../hosts/simulator/identity.js";
import { decode, formatOf } from "../../hosts/simulator/services/formats.js";
import { CoAPWorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type Tear, type World } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import type { Digest, Host } from "../../src/host.js";
import type { Command } from "../../src/operations/command.js";

export interface LivesOptions {
	/** Absent: MQTT. */
	scheme?: "coap" | "coap+tcp" | undefined;
	digest: () => Digest;
	cuts?: readonly { at: number; tear: Tear }[];
	/** The network and the power fail by dice, too. Default: true. */
	troubled?: boolean | undefined;
}

export interface Lives {
	operations: number;
	boots: number;
	/** Commands by how they ended, as the cloud has it. */
	ends: Record<string, number>;
	fingerprint: string;
}

const ID = "worker";
const COPIES = 4;
const TROUBLE = 240_000;
const SETTLE = 300_000;
const REPLY_LENGTH = 3_000;
const STEPS = 4;
const KINDS = ["quick", "slow", "fragile", "fail", "reject", "reply", "restart", "endless"] as const;
type Kind = typeof KINDS[number];
const COMMANDS = 14;

/** What the device did, through all its boots. */
class Diary {
	device: Device | undefined;
	/** Times that each was begun, by id. */
	readonly begun: Record<string, number> = {};
	/** Ids of those that ended by the cloud or the clock, and that the program said something of afterwards. */
	readonly late: string[] = [];
}

/** The program of the device. */
class Worker {
	readonly #host: Host;
	readonly #diary: Diary;

	constructor(host: Host, diary: Diary) {
		this.#host = host;
		this.#diary = diary;
		diary.device = new Device({
			host, cloud: privateCloud({ keepAlive: 20_000, reconnect: { base: 100, cap: 2_000 } }),
			commandMembers: ["kind"],
			onCommand: (command) => this.#begin(command),
			onCommandResumed: (command) => {
				if (kindOf(command) !== "slow") return false;
				this.#step(command, Number(command.checkpoint ?? 0));
				return true;
			},
			onError(error) {
				// What the cloud has forgotten, or did not answer in time.
				if (error.code !== "rejected" && error.code !== "timeout") throw error;
			},
		});
	}

	#begin(command: Command): void {
		const { begun } = this.#diary;
		begun[command.id] = (begun[command.id] ?? 0) + 1;
		const kind = kindOf(command);
		switch (kind) {
			case "quick": return command.succeed({ kind });
			case "slow": return this.#step(command, 0);
			case "fail": return command.fail("BROKEN");
			case "reject": return command.reject("UNWANTED");
			case "reply": return command.reply({
				read(offset, target) {
					const count = Math.min(target.byteLength, REPLY_LENGTH - offset);
					for (let at = 0; at < count; at++) target[at] = byteOf(offset + at);
					return count;
				},
			}, { kind });
			case "restart":
				command.progress("RESTARTING");
				this.#host.timer.set(() => {
					command.succeedAfterRestart({ kind });
					this.#host.system.restart();
				}, 500);
				return;
			case "fragile":
				this.#host.timer.set(() => command.succeed({ kind }), 3_000);
				return;
			default:
				command.limit(8_000);
		}
	}

	#step(command: Command, step: number): void {
		if (step === STEPS) return command.succeed({ kind: "slow" });
		command.progress("WORKING", `step ${step}`, `${step}`);
		this.#host.timer.set(() => this.#step(command, step + 1), 2_000);
	}
}

function kindOf({ payload }: Command): Kind {
	return (payload as { kind: Kind }).kind;
}

function byteOf(offset: number): number {
	return offset * 7 + (offset >> 8) & 0xff;
}

/** @throws Error that names the seed, when anything is not as it should be */
export function live(seed: number, { scheme, digest, cuts = [], troubled = true }: LivesOptions): Lives {
	const where = `seed ${seed}, ${scheme ?? "mqtt"}, cut at ${cuts.map(({ at, tear }) => `${at} ${tear}`).join(" and ")}`;
	const check = (holds: boolean, what: string): void => {
		if (!holds) throw new Error(`${where}: ${what}`);
	};
	const world = createWorld({ seed, digest });
	const { random, timer } = world;
	const cloud = new CoAPWorldCloud(world);
	const diary = new Diary();
	const identity = cloud.manufacture(ID);
	const device = world.device({
		id: ID, program: (host) => void new Worker(host, diary),
		storage: { identity: identityValues(scheme === undefined ? identity : { ...identity, endpoint: cloud.endpointOf(scheme) }) },
	});
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const { words, copies } = overhear(world, cloud);
	const kinds = new Map<string, Kind>();
	const canceled = new Set<string>();
	for (let index = 0; index < COMMANDS; index++) {
		timer.set(() => {
			const kind = KINDS[index % KINDS.length]!;
			const id = cloud.commands.send(ID, { kind }, random.chance(0.2) ? { timeout: random.between(1, 10) } : {});
			kinds.set(id, kind);
			if (!random.chance(0.2)) return;
			const cancel = () => {
				if (cloud.commands.cancel(ID, id)) canceled.add(id);
			};
			if (random.chance(0.3)) cancel();
			else timer.set(cancel, random.between(0, 12_000));
		}, random.between(1_000, TROUBLE / 2));
	}
	if (troubled) trouble(world, cloud);
	world.run(TROUBLE);
	world.network.calm();
	cloud.start();
	world.run(world.clock.now + SETTLE);
	check(device.crashes.length === 0, String((device.crashes[0]?.error as Error | undefined)?.stack));
	check(scheme !== undefined || copies() >= COPIES * COMMANDS, `${copies()} copies`);
	const ends: Record<string, number> = {};
	for (const [id, kind] of kinds) {
		const command = cloud.commands.get(ID, id)!;
		const { status, reason = "", result } = command;
		const what = `${kind} ${id} is ${status} ${reason}, begun ${diary.begun[id] ?? 0} times`;
		ends[`${status} ${reason}`] = (ends[`${status} ${reason}`] ?? 0) + 1;
		const begun = diary.begun[id] ?? 0;
		check(begun <= 1, what);
		const said = words.get(id) ?? new Set();
		check(said.size <= 1, `${what}: ${[...said].join(" and ")}`);
		check(status !== "CREATED" && status !== "IN_PROGRESS", what);
		// The cloud's guess stands only where the device never heard of it.
		if (reason === "NO_RESPONSE") check(said.size === 0 && begun === 0, what);
		if (status === "CANCELED") check(canceled.has(id), what);
		if (reason === "INTERRUPTED") check(device.boots > 1 && kind !== "slow", what);
		if (status === "SUCCEEDED") {
			check(begun === 1 || kind === "slow", what);
			check(result?.["kind"] === kind && kind !== "endless" && kind !== "fail" && kind !== "reject", what);
			if (kind === "reply") checkReply(cloud.commands.reply(ID, id)!, command.reply!.length, check, what);
		}
		if (kind === "endless") check(status !== "SUCCEEDED" && status !== "REJECTED", what);
		if (device.boots === 1 && begun === 1 && status !== "CANCELED" && status !== "TIMED_OUT") {
			check(status === (kind === "fail" ? "FAILED" : kind === "reject" ? "REJECTED" : "SUCCEEDED"), what);
		}
	}
	return { operations: device.operations, boots: device.boots, ends, fingerprint: world.fingerprint };
}

function checkReply(bytes: Uint8Array, length: number, check: (holds: boolean, what: string) => void, what: string): void {
	check(bytes.byteLength === REPLY_LENGTH && length === REPLY_LENGTH, `${what}: ${bytes.byteLength} bytes of reply`);
	check(bytes.every((byte, offset) => byte === byteOf(offset)), `${what}: another reply`);
}

/**
 * Says everything that the device is sent four times more, in any order, and notes what the device says at the end of
 * each command.
 */
function overhear(world: World, cloud: CoAPWorldCloud): { words: Map<string, Set<string>>; copies: () => number } {
	const { random, timer } = world;
	const seen = new Set<string>();
	const words = new Map<string, Set<string>>();
	let copies = 0;
	const channel = cloud.broker.attach();
	for (const verb of ["request", "cancel", "accepted"]) {
		channel.subscribe(`moorline/${ID}/commands/${verb}`, (topic, payload) => {
			const key = `${verb} ${String.fromCharCode(...payload)}`;
			if (seen.has(key)) return;
			seen.add(key);
			for (let count = 0; count < COPIES; count++) {
				timer.set(() => {
					copies++;
					channel.publish(topic, payload);
				}, random.chance(0.5) ? random.between(0, 500) : random.between(0, TROUBLE));
			}
		});
	}
	const note = (payload: Uint8Array): void => {
		const { id, status, reason, result, reply } = decode(formatOf(payload), payload) as Record<string, unknown>;
		if (status === "IN_PROGRESS") return;
		const said = words.get(id as string) ?? new Set();
		words.set(id as string, said.add(JSON.stringify([status, reason, result, reply])));
	};
	channel.subscribe(`moorline/${ID}/commands/response`, (_topic, payload) => note(payload));
	return { words, copies: () => copies };
}

function trouble(world: World, cloud: CoAPWorldCloud): void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 300));
	network.lose(random.chance(0.5) ? random.between(0, 20) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const at = (probability: number, action: () => void): void => {
		if (random.chance(probability)) timer.set(action, random.between(1_000, TROUBLE - 1));
	};
	for (let index = 0; index < 5; index++) {
		at(0.3, () => cloud.restart(random.between(100, 20_000)));
		at(0.3, () => network.reset());
		at(0.2, () => network.halfOpen());
		at(0.3, () => devices[0]!.cutPower());
	}
}
