// SPDX-License-Identifier: Apache-2.0
/**
 * A board of numbers in memory that a reset leaves as it is: what the device was, and was doing, when it ended.
 *
 * Each number is written in place when it changes, beside a copy that is inverted in part, so that each stands for
 * itself: a reset between the two loses one number, and what a power cut left is not taken for any. Nothing is
 * allocated, and there is nothing to do while a program dies, which would be too late.
 *
 * | at            | holds                                                             |
 * |---------------|-------------------------------------------------------------------|
 * | 0             | `MAGIC`                                                           |
 * | 4             | the boot, as `countBoot` gave it                                  |
 * | 8             | both, and `CHECK`, exclusive or                                   |
 * | 16 + 8 n      | the number of `Vital` n, and behind it itself exclusive or `CHECK` |
 */
import type { CBORObject } from "../cbor/value.js";
import type { Host } from "../host.js";

/** Bytes of `system.retained` that are the board's, from the first on. */
export const VITALS_LENGTH = 512;
const MAGIC = 0x4d56_4931;
const CHECK = 0x5aa5_c33c;
const FIRST = 16;
/** ms between two looks at the heap: on some platforms it is collected first. */
export const SAMPLE_INTERVAL = 60_000;
const WORD_MAXIMUM = 0xffff_ffff;

/** What is on the board. Their names are those in a crash report. */
export const Vital = Object.freeze({
	/** One of `Activity`, and `LEFT` once that is over. */
	ACTIVITY: 0,
	/** ms since boot, when the device's last turn began. */
	UPTIME: 1,
	CONNECTED: 2,
	IN_SYNC: 3,
	/** One of `UpdateState`. */
	UPDATE: 4,
	/** Messages that wait to be sent or acknowledged. */
	QUEUE: 5,
	SLOTS: 6,
	CHUNKS: 7,
	SLOTS_PEAK: 8,
	CHUNKS_PEAK: 9,
	COLLECTIONS: 10,
});
export type Vital = (typeof Vital)[keyof typeof Vital];

/** What the SDK calls of a program. */
export const Activity = Object.freeze({
	START: 0, CONNECTED: 1, DISCONNECTED: 2, DELTA: 3, SYNC: 4, JOB: 5, COMMAND: 6, UPDATE: 7, CONFIGURE: 8, ERROR: 9,
	PROVISIONED: 10, SERVICE: 11,
});
export type Activity = (typeof Activity)[keyof typeof Activity];

export const UpdateState = Object.freeze({ NONE: 0, RECEIVING: 1, READY: 2, TRIAL: 3, ENDED: 4 });
export type UpdateState = (typeof UpdateState)[keyof typeof UpdateState];

const LEFT = 0x100;
const ACTIVITIES: readonly string[] = Object.freeze([
	"start", "onConnected", "onDisconnected", "onDelta", "onSync", "onJob", "onCommand", "onUpdate", "onConfigure",
	"onError", "onProvisioned", "service",
]);
const UPDATE_STATES: readonly string[] = Object.freeze(["none", "receiving", "ready", "trial", "ended"]);

/** What the run before this one left. */
export interface LastVitals {
	/** Its boot. */
	readonly boot: number;
	/** What it was doing, "" where that is not known. */
	readonly activity: string;
	/** As a crash report has them: without the heap, and that. */
	readonly board: CBORObject;
	readonly heap: CBORObject;
}

export class Vitals {
	/** `undefined` after a power cut, and where the platform keeps nothing. */
	readonly last: LastVitals | undefined;
	readonly #host: Host;
	readonly #view: DataView | undefined;
	readonly #startedAt: number;
	#sampleAt = 0;

	/** Reads what was left, and begins anew. */
	constructor(host: Host, boot: number) {
		this.#host = host;
		this.#startedAt = host.time.now();
		const { retained } = host.system;
		if (retained === undefined) return;
		const view = this.#view = new DataView(retained.buffer, retained.byteOffset, VITALS_LENGTH);
		// Of an earlier one, a run between them has left nothing, and nothing of this is about it.
		if (isWhole(view) && view.getUint32(4) === boot - 1) this.last = readBoard(view);
		for (let at = 0; at < VITALS_LENGTH; at += 4) view.setUint32(at, 0);
		view.setUint32(0, MAGIC);
		view.setUint32(4, boot);
		view.setUint32(8, MAGIC ^ boot ^ CHECK);
		this.enter(Activity.START);
	}

	set(vital: Vital, value: number): void {
		const view = this.#view;
		if (view === undefined) return;
		const at = FIRST + 8 * vital;
		view.setUint32(at, value);
		view.setUint32(at + 4, value ^ CHECK);
	}

	/** Something of the program's is called. */
	enter(activity: Activity): void {
		this.set(Vital.ACTIVITY, activity);
	}

	/** It has returned. What throws does not: that is what it died in. */
	leave(activity: Activity): void {
		this.set(Vital.ACTIVITY, activity | LEFT);
	}

	/** A turn of the device begins. */
	tick(now: number): void {
		this.set(Vital.UPTIME, Math.min(now - this.#startedAt, WORD_MAXIMUM));
	}

	/** Looks at the heap now and then: to be called whenever there is something to do anyway. */
	sample(now: number): void {
		if (this.#view === undefined || now < this.#sampleAt) return;
		this.#sampleAt = now + SAMPLE_INTERVAL;
		const heap = this.#host.system.heap();
		if (heap === undefined) return;
		this.set(Vital.SLOTS, heap.slots);
		this.set(Vital.CHUNKS, heap.chunks);
		if (heap.slotsPeak !== undefined) this.set(Vital.SLOTS_PEAK, heap.slotsPeak);
		if (heap.chunksPeak !== undefined) this.set(Vital.CHUNKS_PEAK, heap.chunksPeak);
		if (heap.collections !== undefined) this.set(Vital.COLLECTIONS, heap.collections);
	}
}

function isWhole(view: DataView): boolean {
	const boot = view.getUint32(4);
	return view.getUint32(0) === MAGIC && view.getUint32(8) === ((MAGIC ^ boot ^ CHECK) >>> 0);
}

function readBoard(view: DataView): LastVitals {
	const board: CBORObject = {};
	const heap: CBORObject = {};
	const activity = read(view, Vital.ACTIVITY);
	const name = activity === undefined ? "" : ACTIVITIES[activity & ~LEFT] ?? "";
	if (name !== "") {
		board["activity"] = name;
		board["inside"] = activity! < LEFT;
	}
	const connected = read(view, Vital.CONNECTED);
	const inSync = read(view, Vital.IN_SYNC);
	const update = UPDATE_STATES[read(view, Vital.UPDATE) ?? WORD_MAXIMUM];
	put(board, "uptime", read(view, Vital.UPTIME));
	if (connected !== undefined) board["connected"] = connected !== 0;
	if (inSync !== undefined) board["inSync"] = inSync !== 0;
	if (update !== undefined) board["update"] = update;
	put(board, "queue", read(view, Vital.QUEUE));
	put(heap, "slots", read(view, Vital.SLOTS));
	put(heap, "chunks", read(view, Vital.CHUNKS));
	put(heap, "slotsPeak", read(view, Vital.SLOTS_PEAK));
	put(heap, "chunksPeak", read(view, Vital.CHUNKS_PEAK));
	put(heap, "collections", read(view, Vital.COLLECTIONS));
	return { boot: view.getUint32(4), activity: name, board, heap };
}

/** `undefined` for one that was never set, or not to its end. */
function read(view: DataView, vital: Vital): number | undefined {
	const at = FIRST + 8 * vital;
	const value = view.getUint32(at);
	return view.getUint32(at + 4) === ((value ^ CHECK) >>> 0) ? value : undefined;
}

function put(into: CBORObject, name: string, value: number | undefined): void {
	if (value !== undefined) into[name] = value;
}
