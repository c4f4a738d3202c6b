// SPDX-License-Identifier: Apache-2.0
/**
 * Three-way merge: what the device is and what the cloud desires become one, given what they last agreed on.
 *
 * What they agreed on is what the cloud says was reported: only the device writes that, and for a field with a rule it
 * writes what is desired along with it. So nothing that was lost in between can hide a change of either side.
 *
 * Pure. Documents hold no null but as a tombstone, which says that the device deleted the member.
 */
import { difference, equal, putAt, tidy, valueAt, type JSONObject, type JSONValue } from "./document.js";
import { visitRules, type Field, type FieldVisitor, type Model, type Rule } from "./model.js";

/** What a merge starts from. Nothing of it is changed. */
export interface Sides {
	/** What the device is. */
	readonly local: JSONObject;
	readonly reported: JSONObject;
	readonly desired: JSONObject;
	/** When the device changed a member that is not reported yet: wall clock, ms. */
	readonly changedAt: JSONObject;
	/** When the cloud changed what it desires: `{"timestamp":s}` in place of each value. */
	readonly desiredAt: JSONObject;
	/** Of each sum into which the cloud's part was taken: what was desired then. Until the cloud has the outcome. */
	readonly counted: JSONObject;
}

/** What is to be done. */
export interface Merged {
	/** Members that the device is to take over. */
	readonly outstanding: JSONObject;
	/** The part of it that is the merge's own arithmetic, in force at once: the program does not have to agree. */
	readonly sums: JSONObject;
	/** Of each of those, what is desired. */
	readonly counted: JSONObject;
	/** The patch to what is desired. */
	readonly desired: JSONObject;
}

export function merge(model: Model | undefined, sides: Sides): Merged {
	const merger = new Merger(sides);
	if (model !== undefined) visitRules(model, merger);
	tidy(merger.outstanding);
	return merger;
}

class Merger implements FieldVisitor, Merged {
	readonly outstanding: JSONObject;
	readonly sums: JSONObject = {};
	readonly counted: JSONObject = {};
	readonly desired: JSONObject = {};
	readonly #sides: Sides;

	constructor(sides: Sides) {
		this.#sides = sides;
		this.outstanding = difference(sides.desired, sides.local);
	}

	visit(path: readonly string[], { merge: rule }: Field<JSONValue>): void {
		const { local, reported, desired, counted } = this.#sides;
		const cloud = valueAt(desired, path);
		// What is not desired is the device's alone.
		if (cloud === undefined) return;
		const base = valueAt(reported, path);
		const own = valueAt(local, path);
		// Deleted, or never there: null is no value of a document's.
		const device = own === null ? undefined : own;
		let merged: JSONValue | undefined;
		if (rule === "sum") {
			const before = valueAt(counted, path) ?? base;
			merged = numberOf(device) + numberOf(cloud) - numberOf(before);
			if (merged !== device) {
				putAt(this.sums, path, merged);
				putAt(this.counted, path, cloud);
			}
		} else if (own === undefined || equal(device, base)) {
			merged = cloud;
		} else if (equal(cloud, base)) {
			merged = device;
		} else {
			merged = this.decide(rule!, path, device, cloud, base);
		}
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
 * Takes out of `counted` each sum that the cloud has: what it says was reported is what was sent, and so is what it
 * desired then.
 */
export function settleSums(
	model: Model | undefined, counted: JSONObject, sent: JSONObject, reported: JSONObject,
): void {
	if (model !== undefined) visitRules(model, new Settler(counted, sent, reported));
	tidy(counted);
}

class Settler implements FieldVisitor {
	readonly #counted: JSONObject;
	readonly #sent: JSONObject;
	readonly #reported: JSONObject;

	constructor(counted: JSONObject, sent: JSONObject, reported: JSONObject) {
		this.#counted = counted;
		this.#sent = sent;
		this.#reported = reported;
	}

	visit(path: readonly string[]): void {
		const sent = valueAt(this.#sent, path);
		if (sent !== undefined && sent === valueAt(this.#reported, path)) putAt(this.#counted, path, undefined);
	}
}

/** Notes in `changedAt` when `patch` changes a field of `local` for which the last change counts. */
export function noteChanges(
	model: Model | undefined, changedAt: JSONObject, local: JSONObject, patch: JSONObject, wall: number | undefined,
): void {
	if (model !== undefined) visitRules(model, new Noter(changedAt, local, patch, wall));
}

class Noter implements FieldVisitor {
	readonly #changedAt: JSONObject;
	readonly #local: JSONObject;
	readonly #patch: JSONObject;
	readonly #wall: number | undefined;

	constructor(changedAt: JSONObject, local: JSONObject, patch: JSONObject, wall: number | undefined) {
		this.#changedAt = changedAt;
		this.#local = local;
		this.#patch = patch;
		this.#wall = wall;
	}

	visit(path: readonly string[], { merge: rule }: Field<JSONValue>): void {
		if (rule !== "last") return;
		const value = valueAt(this.#patch, path);
		if (value === undefined || equal(value, valueAt(this.#local, path))) return;
		putAt(this.#changedAt, path, this.#wall);
	}
}
