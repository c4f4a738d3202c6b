// SPDX-License-Identifier: Apache-2.0
/**
 * How the shadow service's answers leave: at once and in order, or as a test says they shall go wrong.
 *
 * Pure and deterministic: a fault is armed and then meets the next answers that fit; its scope names the thing as
 * `clientId`. What the document becomes is never touched: only who hears of it, when and how often.
 */
import { DeviceError } from "../../../../src/base/error.js";
import type { FaultScope } from "../../broker/rules.js";
import { Rules } from "../../broker/rules.js";

/** An answer or a notice, by the end of its topic. */
export type AnswerKind = "accepted" | "rejected" | "delta" | "documents";

export interface Answer {
	readonly kind: AnswerKind;
	readonly thing: string;
	readonly topic: string;
	readonly payload: Uint8Array;
}

interface Delayed { readonly at: number; readonly clientId: string; readonly answers: readonly Answer[] }

/** Answers that wait; one more and the oldest go out at once. */
const WAITING_MAXIMUM = 10_000;

/** Faults for tests. */
export class ShadowFaults {
	readonly #drops = new Rules<AnswerKind | undefined>();
	readonly #duplicates = new Rules<undefined>();
	readonly #reorders = new Rules<undefined>();
	readonly #swaps = new Rules<undefined>();
	#delay = 0;

	/** Requests are worked on at once and answered so many milliseconds later. 0 ends it. */
	delay(milliseconds: number): void {
		if (!(milliseconds >= 0 && milliseconds < Infinity)) throw new DeviceError("argument", `cannot delay by ${milliseconds} ms`);
		this.#delay = milliseconds;
	}

	/** Loses answers of one kind, or whatever comes next. */
	drop(kind?: AnswerKind, scope: FaultScope = {}): void { this.#drops.arm(kind, scope); }

	/** Publishes the next deltas twice. */
	duplicateDeltas(scope: FaultScope = {}): void { this.#duplicates.arm(undefined, scope); }

	/** Publishes the delta of the next updates before they are accepted. */
	deltaFirst(scope: FaultScope = {}): void { this.#reorders.arm(undefined, scope); }

	/** Holds the next deltas back, each until the delta of a later update has gone out. */
	overtakeDeltas(scope: FaultScope = {}): void { this.#swaps.arm(undefined, scope); }

	clear(): void {
		this.#delay = 0;
		for (const rules of [this.#drops, this.#duplicates, this.#reorders, this.#swaps]) rules.clear();
	}

	/** For the service. */
	get milliseconds(): number { return this.#delay; }
	takeDrop({ kind, thing }: Answer): boolean { return this.#drops.take(thing, dropped => dropped === undefined || dropped === kind) !== undefined; }
	takeDuplicate({ kind, thing }: Answer): boolean { return kind === "delta" && this.#duplicates.take(thing) !== undefined; }
	takeReorder(thing: string): boolean { return this.#reorders.take(thing) !== undefined; }
	takeOvertaking({ kind, thing }: Answer): boolean { return kind === "delta" && this.#swaps.take(thing) !== undefined; }
}

export class ShadowAnswers {
	readonly faults = new ShadowFaults();
	readonly #publish: (topic: string, payload: Uint8Array) => void;
	readonly #waiting: Delayed[] = [];
	/** Deltas that wait to be overtaken, by topic. */
	readonly #held = new Map<string, Answer>();

	constructor(publish: (topic: string, payload: Uint8Array) => void) {
		this.#publish = publish;
	}

	get deadline(): number { return this.#waiting.reduce((earliest, { at }) => Math.min(earliest, at), Infinity); }

	/** Requests of this client that wait for their answer. */
	pending(clientId: string): number { return this.#waiting.filter(waiting => waiting.clientId === clientId).length; }

	/** @param clientId whose request it answers; absent: nobody waits */
	send(answers: readonly Answer[], clientId: string | undefined, now: number): void {
		const { milliseconds } = this.faults;
		if (clientId === undefined || milliseconds === 0) return this.#sendNow(answers);
		this.#waiting.push({ at: now + milliseconds, clientId, answers });
		if (this.#waiting.length > WAITING_MAXIMUM) this.#sendNow(this.#waiting.shift()!.answers);
	}

	expire(now: number): void {
		const due = this.#waiting.filter(({ at }) => at <= now).sort((left, right) => left.at - right.at);
		for (const waiting of due) {
			this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
			this.#sendNow(waiting.answers);
		}
	}

	#sendNow(answers: readonly Answer[]): void {
		const delta = answers.find(({ kind }) => kind === "delta");
		const isReordered = delta && this.faults.takeReorder(delta.thing);
		const ordered = isReordered ? [delta, ...answers.filter(answer => answer !== delta)] : answers;
		for (const answer of ordered) this.#sendOne(answer);
	}

	#sendOne(answer: Answer): void {
		const { topic, payload } = answer;
		if (this.faults.takeDrop(answer)) return;
		const held = answer.kind === "delta" ? this.#held.get(topic) : undefined;
		if (!held && this.faults.takeOvertaking(answer)) {
			this.#held.set(topic, answer);
			return;
		}
		this.#publish(topic, payload);
		if (this.faults.takeDuplicate(answer)) this.#publish(topic, payload);
		if (!held) return;
		this.#held.delete(topic);
		this.#publish(topic, held.payload);
	}
}
