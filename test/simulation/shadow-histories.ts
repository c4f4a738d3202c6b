// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow's history out of one seed: an application that desires, a program that reports and adopts, and a network that
 * delays, doubles, reorders and loses, while the power fails. Then the trouble ends, and all must agree.
 *
 * The shadow alone, between a model of a cloud and a model of storage. Uses nothing of Node: runs on XS as well.
 */
import type { JSONObject, JSONValue } from "../../src/bytes/value.js";
import { boolean, list, model, number, string } from "../../src/shadow/model.js";
import { Shadow, type ShadowPort } from "../../src/shadow/shadow.js";
import { StorageStore } from "../../src/shadow/store.js";
import { Random } from "../property/random.js";
import { canonical, copy, deltaOf, ModelCloud, patched } from "./shadow-cloud.js";
import { ShadowFlash, type Cut } from "./shadow-flash.js";
import { Refusal } from "../../src/base/service.js";

/** Virtual ms of trouble, all at once or with time between; from a reset to the program; and within which all is quiet. */
const TROUBLES = Object.freeze([4_000, 60_000]);
const BOOT = 500;
const SETTLE = 3_600_000;
/** Turns at one instant, and events of one history: more means that something goes on for ever. */
const TURNS_MAXIMUM = 50;
const EVENTS_MAXIMUM = 20_000;
/** Wall clock at the beginning. */
const EPOCH = 1_700_000_000_000;

export const HISTORY_MODEL = model({
	on: boolean(), text: string(), own: string(), mode: string({ merge: "cloud" }), level: number({ merge: "device" }),
	peak: number({ merge: "maximum" }), scene: string({ merge: "last" }), count: number({ merge: "sum" }),
	group: { plain: number(), items: list<JSONValue>({ merge: "cloud" }), level: number({ merge: "device" }), count: number({ merge: "sum" }) },
});
/** Fields that are set, with what makes a value of them; counters are counted. */
const FIELDS: readonly (readonly [path: readonly string[], make: (random: Random) => JSONValue])[] = [
	[["on"], (random) => random.once(2)],
	[["text"], (random) => random.pick(["", "a", "b"])],
	[["mode"], (random) => random.pick(["x", "y", "z"])],
	[["level"], (random) => random.below(5)],
	[["peak"], (random) => random.below(9)],
	[["scene"], (random) => random.pick(["dawn", "noon", "dusk"])],
	[["group", "plain"], (random) => random.below(4)],
	[["group", "items"], (random) => random.list(2, () => random.below(3))],
	[["group", "level"], (random) => random.below(5)],
];
const COUNTERS: readonly (readonly string[])[] = [["count"], ["group", "count"]];
/** Without a model: members become objects, arrays and scalars in turn. */
const FREE = ["a", "b", "c"];

export interface History {
	writes: number;
	boots: number;
	told: number;
	conflicts: number;
	fetches: number;
	/** Sum of all that was counted. */
	counted: number;
}

export interface HistoryOptions {
	/** Power cuts in place of the seed's own. */
	cuts?: readonly Cut[];
}

const nested = (path: readonly string[], value: JSONValue): JSONObject =>
	path.reduceRight<JSONValue>((inner, name) => ({ [name]: inner }), value) as JSONObject;
const at = (document: JSONObject, path: readonly string[]): JSONValue | undefined =>
	path.reduce<JSONValue | undefined>((value, name) => (value as JSONObject | undefined)?.[name], document);
const numberAt = (document: JSONObject, path: readonly string[]): number | undefined => at(document, path) as number | undefined;

class Stage {
	now = 1_000;
	readonly cloud: ModelCloud;
	readonly flash = new ShadowFlash();
	readonly history: History = { writes: 0, boots: 0, told: 0, conflicts: 0, fetches: 0, counted: 0 };
	readonly #random: Random;
	readonly #events: { at: number; run: () => void }[] = [];
	readonly #hasModel: boolean;
	readonly #trouble: number;
	/** The network: ms that a message takes at most, and of how many one is doubled, or late beyond the connection; 0: none. */
	#spread: number;
	#doubles: number;
	#late: number;
	/** How many connections there were, whether there is one, and whether the shadow was told of it. */
	#link = 0;
	#up = true;
	#shadow!: Shadow;
	#ready = false;
	/** What the program was told, and will adopt; what it was told last, by path. */
	#plan: JSONObject = {};
	readonly #lastTold = new Map<string, string>();
	#version = -1;
	/** By counter: what is counted and durable, and what is counted and may be lost with the power. */
	readonly #durable = COUNTERS.map(() => 0);
	readonly #volatile = COUNTERS.map(() => 0);
	/** What the program says that nobody else has a say in: null for nothing; `undefined` for no news. */
	#own: JSONValue = null;
	#ownVolatile: JSONValue | undefined;
	#decreases: boolean;

	constructor(seed: number, { cuts }: HistoryOptions) {
		const random = this.#random = new Random(seed);
		this.#hasModel = !random.once(3);
		this.#trouble = random.pick(TROUBLES);
		this.cloud = new ModelCloud(random.once(2));
		this.#spread = random.pick([5, 400, 3_000]);
		this.#doubles = random.pick([0, 4]);
		this.#late = random.pick([0, 0, 3]);
		this.#decreases = random.once(3);
		this.cloud.onDelta = ({ version, delta, metadata }) =>
			this.#toDevice((shadow) => shadow.delta(version, copy(delta), copy(metadata)));
		this.flash.onWritten = () => this.#written();
		this.#scenario();
		const own = random.once(2) ? [{ at: 1 + random.below(20), after: random.once(2) }] : [];
		this.flash.cuts = cuts ?? own;
		this.#boot();
	}

	#scenario(): void {
		const random = this.#random;
		const often = (count: number, action: () => void) => {
			for (; count > 0; count--) this.#at(random.below(this.#trouble), action);
		};
		if (random.once(2)) this.#desire();
		often(random.below(8), () => this.#desire());
		often(random.below(8), () => this.#report());
		if (this.#hasModel) {
			often(random.below(6), () => this.#appCounts());
			often(random.below(6), () => this.#deviceCounts());
		}
		often(random.below(4), () => this.#fall(random.below(this.#trouble >> 3)));
		if (random.once(3)) often(1, () => this.#die());
	}

	/** ------ time ------ */

	#at(delay: number, run: () => void): void {
		this.#events.push({ at: this.now + delay, run });
	}

	/** The next event's index; of several at once the first that was planned. */
	#next(): number {
		let best = -1;
		for (let index = 0; index < this.#events.length; index++) {
			if (best < 0 || this.#events[index]!.at < this.#events[best]!.at) best = index;
		}
		return best;
	}

	run(end: number): void {
		for (let count = 0; ; count++) {
			if (count > EVENTS_MAXIMUM) throw new Error("it never ends");
			const index = this.#next();
			const event = index < 0 ? Infinity : this.#events[index]!.at;
			const due = this.flash.dead ? Infinity : this.#shadow.deadline;
			if (Math.min(event, due) > end) break;
			this.now = Math.max(this.now, Math.min(event, due));
			if (event <= due) this.#events.splice(index, 1)[0]!.run();
			this.#turn();
		}
		if (end !== Infinity) this.now = Math.max(this.now, end);
	}

	#turn(): void {
		for (let count = 0; !this.flash.dead && this.#shadow.deadline <= this.now; count++) {
			if (count > TURNS_MAXIMUM) throw new Error("something is due for ever");
			this.#shadow.expire(this.now);
		}
		if (this.flash.dead && this.#ready) this.#reboot();
	}

	/** ------ the device ------ */

	#boot(): void {
		this.history.boots++;
		this.flash.dead = false;
		this.#ready = true;
		this.#plan = {};
		this.#lastTold.clear();
		this.#volatile.fill(0);
		this.#ownVolatile = undefined;
		const alive = () => !this.flash.dead;
		const shadow: Shadow = new Shadow({
			onDelta: (delta, version) => {
				if (alive()) this.#told(shadow, delta, version);
			},
			onError: (error) => {
				if (alive() && error.code !== "version") throw error;
			},
		}, {
			model: this.#hasModel ? HISTORY_MODEL : undefined, store: new StorageStore(this.flash.host, ""),
			prefix: `${this.history.boots}-`,
		});
		this.#shadow = shadow;
		if (this.#up) this.#connect();
	}

	#reboot(): void {
		this.#ready = false;
		this.#cutLink();
		this.#at(BOOT, () => this.#boot());
	}

	#die(): void {
		if (this.flash.dead) return;
		this.flash.dead = true;
		this.#reboot();
	}

	#told(shadow: Shadow, delta: JSONObject, version: number): void {
		this.history.told++;
		if (version < this.#version) throw new Error(`version ${version} is told after ${this.#version}`);
		this.#version = version;
		for (const [path, value] of leaves(delta)) {
			if (this.#lastTold.get(path) === value) throw new Error(`${path} is told twice as ${value}`);
			this.#lastTold.set(path, value);
		}
		this.#plan = patched(this.#plan, copy(delta), false) as JSONObject;
		// What is counted is in force already, and goes on: not to be said later.
		dropCounters(this.#plan);
		if (this.#random.once(2)) this.#adopt(shadow);
		else this.#at(this.#random.below(2_000), () => this.#adopt(this.#shadow));
	}

	#adopt(shadow: Shadow): void {
		const plan = this.#plan;
		if (this.flash.dead || Object.keys(plan).length === 0) return;
		this.#plan = {};
		shadow.report(plan, EPOCH + this.now);
	}

	/** The program changes something by itself: now and then what nobody else has a say in. */
	#report(): void {
		if (this.flash.dead) return;
		const random = this.#random;
		if (random.once(3)) {
			this.#ownVolatile = random.pick([null, null, "a", "b"]);
			return this.#say({ own: this.#ownVolatile });
		}
		this.#say(this.#hasModel ? this.#change(5) : freePatch(random));
	}

	#say(patch: JSONObject): void {
		for (const name of Object.keys(patch)) this.#changed(name);
		this.#shadow.report(patch, EPOCH + this.now);
	}

	#deviceCounts(): void {
		if (this.flash.dead) return;
		const index = this.#random.below(COUNTERS.length);
		const count = this.#step();
		const before = numberAt(this.#shadow.reported, COUNTERS[index]!) ?? 0;
		this.#volatile[index]! += count;
		this.#say(nested(COUNTERS[index]!, before + count));
	}

	#written(): void {
		this.history.writes++;
		for (let index = 0; index < COUNTERS.length; index++) this.#durable[index]! += this.#volatile[index]!;
		this.#volatile.fill(0);
		this.#own = this.#ownVolatile === undefined ? this.#own : this.#ownVolatile;
		this.#ownVolatile = undefined;
	}

	/** ------ the application ------ */

	#desire(): void {
		const random = this.#random;
		const patch = this.#hasModel ? this.#change(6) : freePatch(random);
		for (const name of Object.keys(patch)) this.#changed(name);
		this.cloud.update(undefined, patch, undefined, this.#seconds());
	}

	/** Reads and writes at once, as an application does that names the version. */
	#appCounts(): void {
		const index = this.#random.below(COUNTERS.length);
		const path = COUNTERS[index]!;
		const count = this.#step();
		const before = numberAt(this.cloud.desired, path) ?? numberAt(this.cloud.reported, path) ?? 0;
		this.#durable[index]! += count;
		this.#changed(path[0]!);
		this.cloud.update(undefined, nested(path, before + count), this.cloud.version, this.#seconds());
	}

	#step(): number {
		return this.#decreases ? this.#random.below(7) - 3 : 1 + this.#random.below(3);
	}

	/** A value for one field or some; one in `odds` is deleted. */
	#change(odds: number): JSONObject {
		const random = this.#random;
		const [path, make] = random.pick(FIELDS);
		return nested(path, random.once(odds) ? null : make(random));
	}

	/** Who is told of this member again is told something new. */
	#changed(name: string): void {
		for (const path of this.#lastTold.keys()) if (path.split(".")[0] === name) this.#lastTold.delete(path);
	}

	#seconds(): number {
		return Math.floor((EPOCH + this.now) / 1_000);
	}

	/** ------ the network ------ */

	readonly #port: ShadowPort = {
		get: (token) => this.#toCloud(() => {
			this.history.fetches++;
			const { exists, version, desired, reported, desiredAt } = copy(this.cloud);
			this.#toDevice((shadow) => {
				if (exists) shadow.document(token, version, desired, reported, desiredAt);
				else shadow.rejected(token, Refusal.GONE, 404, "none", this.now);
			});
		}),
		update: (token, update) => {
			const { reported, desired, version } = copy(update);
			for (const name of Object.keys(desired ?? {})) this.#changed(name);
			return this.#toCloud(() => {
				if (this.cloud.update(reported, desired, version, this.#seconds())) {
					const { version: accepted } = this.cloud;
					this.#toDevice((shadow) => shadow.accepted(token, accepted));
				} else {
					this.history.conflicts++;
					this.#toDevice((shadow) => shadow.rejected(token, Refusal.STALE, 409, "version", this.now));
				}
			});
		},
	};

	#toCloud(run: () => void): boolean {
		if (this.flash.dead || !this.#up) return false;
		const link = this.#link;
		this.#at(this.#delay(), () => {
			if (link === this.#link || this.#isLate()) run();
		});
		return true;
	}

	#toDevice(run: (shadow: Shadow) => void): void {
		const link = this.#link;
		const receive = () => {
			if (this.flash.dead || !this.#up || (link !== this.#link && !this.#isLate())) return;
			try {
				run(this.#shadow);
			} catch (error) {
				// It asks once more: a document that is older than what was known.
				if ((error as { code?: string }).code !== "version") throw error;
			}
		};
		this.#at(this.#delay(), receive);
		if (this.#doubles > 0 && this.#random.once(this.#doubles)) this.#at(this.#delay(), receive);
	}

	#delay(): number {
		return 1 + this.#random.below(this.#spread);
	}

	/** Messages of a connection that is gone are, too, as a rule. */
	#isLate(): boolean {
		return this.#late > 0 && this.#random.once(this.#late);
	}

	#fall(duration: number): void {
		if (!this.#up) return;
		this.#up = false;
		this.#cutLink();
		if (!this.flash.dead) this.#shadow.disconnected();
		this.#at(duration, () => {
			this.#up = true;
			this.#connect();
		});
	}

	#cutLink(): void {
		this.#link++;
	}

	#connect(): void {
		const link = this.#link;
		this.#at(this.#delay(), () => {
			if (!this.flash.dead && this.#up && link === this.#link) this.#shadow.connected(this.#port);
		});
	}

	/** ------ the end ------ */

	/** Lives through the trouble, ends it, lets all settle, and looks. @throws Error that says what is wrong */
	play(): void {
		this.run(this.now + this.#trouble);
		this.flash.cuts = [];
		// What is late after a connection is set right by the next one: that is what the document is fetched for.
		if (this.#late > 0) {
			this.#late = 0;
			this.#fall(20_000);
		}
		this.#spread = 1;
		this.run(this.now + SETTLE);
		if (this.#events.length > 0 || this.#shadow.deadline !== Infinity) throw new Error("it does not come to rest");
		this.#judge();
	}

	#judge(): void {
		const { desired, reported } = this.cloud;
		const local = this.#shadow.reported;
		const state = `desired ${canonical(desired)}, reported ${canonical(reported)}, local ${canonical(local)}`;
		if (deltaOf(desired, reported) !== undefined) throw new Error(`reported is not what is desired: ${state}`);
		if (deltaOf(desired, local) !== undefined) throw new Error(`the device is not what is desired: ${state}`);
		if (deltaOf(local, reported) !== undefined) throw new Error(`the cloud lacks a report: ${state}`);
		if (this.#hasModel && deltaOf(reported, local) !== undefined) throw new Error(`the cloud keeps what was deleted: ${state}`);
		if ((reported["own"] ?? null) !== this.#own) throw new Error(`${String(this.#own)} of the device's own is lost: ${state}`);
		if (!this.#shadow.inSync) throw new Error(`not in sync: ${state}`);
		COUNTERS.forEach((path, index) => {
			const expected = this.#durable[index]!;
			this.history.counted += Math.abs(expected);
			if ((numberAt(local, path) ?? 0) !== expected) throw new Error(`${path.join(".")} should be ${expected}: ${state}`);
		});
	}
}

/** Each value and its path. */
function leaves(document: JSONObject, prefix = ""): [path: string, value: string][] {
	return Object.entries(document).flatMap(([name, value]) =>
		typeof value === "object" && value !== null && !Array.isArray(value)
			? leaves(value, `${prefix}${name}.`) : [[`${prefix}${name}`, canonical(value)] as [string, string]]);
}

function dropCounters(plan: JSONObject): void {
	delete plan["count"];
	const group = plan["group"] as JSONObject | undefined;
	if (group === undefined) return;
	delete group["count"];
	if (Object.keys(group).length === 0) delete plan["group"];
}

function freePatch(random: Random): JSONObject {
	const value = (depth: number): JSONValue => {
		switch (random.below(depth > 0 ? 8 : 5)) {
			case 0: return null;
			case 1: return random.list(2, () => random.below(3));
			case 2: return random.pick(["x", "y"]);
			case 3: case 4: return random.below(4);
			// Never without a member: such an object is as good as none.
			default: {
				const members = FREE.filter(() => random.once(3)).map((name): [string, JSONValue] => [name, value(depth - 1)]);
				return Object.fromEntries([...members, [random.pick(FREE), random.below(4)]]);
			}
		}
	};
	return { [random.pick(FREE)]: value(2) };
}

/** Plays a history. @throws Error that names the seed, when anything is not as it should be */
export function shadowLives(seed: number, options: HistoryOptions = {}): History {
	try {
		const stage = new Stage(seed, options);
		stage.play();
		return stage.history;
	} catch (error) {
		const cuts = options.cuts === undefined ? "" : `, cut ${JSON.stringify(options.cuts)}`;
		throw new Error(`seed ${seed}${cuts}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
}
