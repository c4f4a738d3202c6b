// SPDX-License-Identifier: Apache-2.0
/**
 * Three-way merge: what the device is and what the cloud desires become one, given what they last agreed on.
 *
 * What they agreed on is what the cloud says was reported: only the device writes that, and for a field with a rule it
 * writes what is desired along with it. So nothing that was lost in between can hide a change of either side.
 *
 * Pure. Documents hold no null but as a tombstone, which says that the device deleted the member.
 */
import { difference, equal, isEmpty, putAt, tidy, valueAt, type JSONObject, type JSONValue } from "./document.js";
import { visitRules, type Field, type FieldVisitor, type Model, type Rule } from "./model.js";

/** What a merge starts from. Nothing of it is changed. */
export interface Sides {
	/** What the device is. */
	readonly local: JSONObject;
	readonly reported: JSONObject;
	readonly desired: JSONObject;
	/** When the device changed a member by itself: wall clock, ms; 0 where it did not know. */
	readonly changedAt: JSONObject;
	/** When the cloud changed what it desires: `{"timestamp":s}` in place of each value. */
	readonly desiredAt: JSONObject;
	/**
	 * Of each sum into which the cloud's part was taken: what was desired then, and what was reported (null for
	 * nothing). Until the cloud has the outcome, which shows in what is reported: nobody else changes that, and no
	 * report of a sum is taken that does not know what is desired.
	 */
	readonly counted: JSONObject;
}

/** What is to be done. */
export interface Merged {
	/** Members that the device is to take over. */
	readonly outstanding: JSONObject;
	/** The part of it that is the merge's own arithmetic, in force at once: the program does not have to agree. */
	readonly sums: JSONObject;
	/** Of each of those, what is desired and what is reported. */
	readonly counted: JSONObject;
	/** The patch to what is desired. */
	readonly desired: JSONObject;
	/** What to report in place of what the device is. */
	readonly reported: JSONObject;
	/** What is to be reported holds for the newest version alone. */
	readonly fenced: boolean;
	/** It builds on what no delta tells: that something is not desired, or as it is reported. */
	readonly blind: boolean;
}

export function merge(model: Model | undefined, sides: Sides): Merged {
	const merger = new Merger(sides);
	if (model !== undefined) {
		visitRules(model, merger);
		tidy(merger.outstanding);
	}
	return merger;
}

class Merger implements FieldVisitor, Merged {
	readonly outstanding: JSONObject;
	readonly sums: JSONObject = {};
	readonly counted: JSONObject = {};
	readonly desired: JSONObject = {};
	readonly reported: JSONObject = {};
	fenced = false;
	blind = false;
	readonly #sides: Sides;

	constructor(sides: Sides) {
		this.#sides = sides;
		this.outstanding = difference(sides.desired, sides.local);
	}

	visit(path: readonly string[], { merge: rule }: Field<JSONValue>): void {
		const { local, reported, desired, changedAt } = this.#sides;
		const cloud = valueAt(desired, path);
		const base = valueAt(reported, path);
		const own = valueAt(local, path);
		// Deleted, or never there: null is no value of a document's.
		const device = own === null ? undefined : own;
		// A report that does not know of a new wish would pass for what both agreed on.
		if (!equal(device, base)) {
			this.fenced = true;
			if (cloud === undefined || equal(cloud, base)) this.blind = true;
		}
		// What is not desired is the device's alone.
		if (cloud === undefined) return;
		if (rule === "sum") return this.add(path, device, cloud, base);
		let merged: JSONValue | undefined;
		// Whoever follows an earlier wish has changed nothing by himself.
		if (own === undefined || equal(device, base) || valueAt(changedAt, path) === undefined) merged = cloud;
		else if (equal(cloud, base)) merged = device;
		else merged = this.decide(rule!, path, device, cloud, base);
		this.settle(path, merged, device, cloud);
	}

	private add(
		path: readonly string[], device: JSONValue | undefined, cloud: JSONValue, base: JSONValue | undefined,
	): void {
		const noted = valueAt(this.#sides.counted, path);
		const before = Array.isArray(noted) ? noted[0] : base;
		const merged = numberOf(device) + numberOf(cloud) - numberOf(before);
		if (merged !== device) {
			putAt(this.sums, path, merged);
			putAt(this.counted, path, [cloud, base ?? null]);
		}
		if (merged === base && cloud !== base) {
			// Both changes cancel each other, and the outcome would not show in what is reported: one after the other.
			putAt(this.reported, path, cloud);
			this.fenced = true;
		}
		this.settle(path, merged, device, merged === base ? merged : cloud);
	}

	private settle(
		path: readonly string[], merged: JSONValue | undefined, device: JSONValue | undefined, cloud: JSONValue,
	): void {
		putAt(this.outstanding, path, equal(merged, device) ? undefined : merged);
		if (!equal(merged, cloud)) putAt(this.desired, path, merged ?? null);
	}

	/** Both changed it. */
	private decide(
		rule: Rule, path: readonly string[], device: JSONValue | undefined, cloud: JSONValue,
		base: JSONValue | undefined,
	): JSONValue | undefined {
		switch (rule) {
			case "device": return device;
			case "maximum": return typeof device === "number" && device > numberOf(cloud) ? device : cloud;
			// What was never agreed on is what the device began with, and no change that anybody made.
			case "last": return base !== undefined && this.isNewer(path) ? device : cloud;
			default: return cloud;
		}
	}

	private isNewer(path: readonly string[]): boolean {
		const { changedAt, desiredAt } = this.#sides;
		const here = valueAt(changedAt, path);
		const there = valueAt(desiredAt, path);
		const seconds = valueOfTimestamp(there);
		return typeof here === "number" && seconds !== undefined && Math.floor(here / 1000) > seconds;
	}
}

/** The time of a value, which for an array is that of its newest item; `undefined` where none is given. */
function valueOfTimestamp(metadata: JSONValue | undefined): number | undefined {
	let newest: number | undefined;
	const work = [metadata];
	while (work.length > 0) {
		const next = work.pop();
		if (Array.isArray(next)) {
			for (const item of next) work.push(item);
		} else if (typeof next === "object" && next !== null) {
			const { timestamp } = next;
			if (typeof timestamp === "number" && (newest === undefined || timestamp > newest)) newest = timestamp;
		}
	}
	return newest;
}

function numberOf(value: JSONValue | undefined): number {
	return typeof value === "number" ? value : 0;
}

/**
 * Takes out of `counted` each sum of which the cloud has the outcome.
 * @returns true when there were such
 */
export function settleSums(model: Model | undefined, counted: JSONObject, reported: JSONObject): boolean {
	if (model === undefined || isEmpty(counted)) return false;
	const settler = new Settler(counted, reported);
	visitRules(model, settler);
	tidy(counted);
	return settler.settled;
}

class Settler implements FieldVisitor {
	settled = false;
	readonly #counted: JSONObject;
	readonly #reported: JSONObject;

	constructor(counted: JSONObject, reported: JSONObject) {
		this.#counted = counted;
		this.#reported = reported;
	}

	visit(path: readonly string[]): void {
		const noted = valueAt(this.#counted, path);
		if (!Array.isArray(noted) || noted[1] === (valueAt(this.#reported, path) ?? null)) return;
		putAt(this.#counted, path, undefined);
		this.settled = true;
	}
}

/** Notes in `changedAt` when `patch` changes a field of `local`, and forgets it where that is what is desired. */
export function noteChanges(
	model: Model | undefined, changedAt: JSONObject, local: JSONObject, desired: JSONObject, patch: JSONObject,
	wall: number | undefined,
): void {
	if (model !== undefined) visitRules(model, new Noter(changedAt, local, desired, patch, wall ?? 0));
}

class Noter implements FieldVisitor {
	readonly #changedAt: JSONObject;
	readonly #local: JSONObject;
	readonly #desired: JSONObject;
	readonly #patch: JSONObject;
	readonly #wall: number;

	constructor(changedAt: JSONObject, local: JSONObject, desired: JSONObject, patch: JSONObject, wall: number) {
		this.#changedAt = changedAt;
		this.#local = local;
		this.#desired = desired;
		this.#patch = patch;
		this.#wall = wall;
	}

	visit(path: readonly string[], { merge: rule }: Field<JSONValue>): void {
		if (rule === "sum") return;
		const value = valueAt(this.#patch, path);
		if (value === undefined || equal(value, valueAt(this.#local, path))) return;
		putAt(this.#changedAt, path, equal(value, valueAt(this.#desired, path)) ? undefined : this.#wall);
	}
}
