// SPDX-License-Identifier: Apache-2.0
/**
 * Remote configuration: what the cloud sets, tried before it is kept, and taken back where it does harm.
 *
 * It is a shadow of its own: desired is what was set, reported what the device goes by and, as `status`, what became of
 * the last change.
 *
 * 1. A change is checked whole, against the declared model and by the program: one bad value refuses all of it.
 * 2. It is written down as a candidate beside what is in force, in one write, and then applied.
 * 3. It is in force once the cloud has the device's word for it, and has been reachable for a while since: whoever set
 *    an access point that does not exist gets the device back by itself. Until then it is on trial.
 * 4. A trial that runs out of time, a program that throws, a crash or too many restarts take it back. What was taken
 *    back or refused is not tried again, until something else is set.
 *
 * So what is in force was always good once, whenever the power fails.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { cut } from "../bytes/cut.js";
import type { Host } from "../host.js";
import { applyPatch, equal, isObject, type JSONObject } from "../shadow/document.js";
import { checkPatch, memberNames, misfitOf, prune, type Document, type Model } from "../shadow/model.js";
import { Shadow, type ShadowCallbacks } from "../shadow/shadow.js";
import { Shelf } from "./shelf.js";

/** What became of the last change. */
export type ConfigurationState = "trial" | "applied" | "refused" | "reverted";

/** Why it was refused or reverted, where it was not the program's word. */
export type ConfigurationReason =
	/** A value is of another type than the model declares. */ "BAD_VALUE"
	/** It cannot be kept. */ | "STORAGE"
	/** The program threw when it was applied. */ | "EXCEPTION"
	/** The device crashed, or restarted too often, while it was on trial. */ | "CRASH" | "RESTARTS"
	/** The cloud could not be reached with it. */ | "NO_CONNECTION"
	/** The program took it back. */ | "REJECTED";

/** What a program sets; `Self` is what the callbacks find as `this`. */
export interface ConfigurationHandlers<M extends Model, Self> {
	/** Its members, without one called `status`. */
	readonly model: M;
	/** What is in force as long as nothing was set. */
	readonly initial?: Document<M> | undefined;
	/** ms within which a change must have proved good. Default: two minutes. */
	readonly timeout?: number | undefined;
	/** "auto": it has proved good when the cloud was reached with it. "manual": when the program also confirmed it. */
	readonly confirm?: "auto" | "manual" | undefined;
	/** Of the shadow in the cloud. Default: "configuration"; Golioth has "settings". */
	readonly shadow?: string | undefined;
	/** What is wrong with it, for the operator; absent: nothing. */
	check?(this: Self, configuration: Document<M>): string | undefined;
	/** The device is to go by this, whole: at each start, and when it changes. Borrowed. */
	onConfigure(this: Self, configuration: Document<M>): void;
}

export interface ConfigurationOwner {
	readonly host: Pick<Host, "storage" | "text" | "time" | "system">;
	/** `deadline` moved. */
	onTurn(): void;
	onError(error: DeviceError): void;
}

/** ms for which the cloud must have been reachable with a change. */
export const SETTLE_TIME = 10_000;
const TIMEOUT = 120_000;
const TIMEOUT_MAXIMUM = 86_400_000;
/** Starts of the device with a change on trial. */
export const TRIAL_BOOTS = 3;
const KEY = "configuration";
/** Bytes of what is kept: as much as a shadow may have. */
const STORED_MAXIMUM = 2_048;
/** The member of the reported part that tells of the last change. */
const STATUS = "status";
/** Characters of a reason that go to the cloud. */
const REASON_MAXIMUM = 128;

/** What survives a reset. */
interface Kept {
	/** In force; what was never set is as in `initial`. */
	readonly set: JSONObject;
	/** On trial; null: nothing. */
	readonly candidate: JSONObject | null;
	/** Starts of the device with the candidate. */
	readonly boots: number;
	/** What was refused or taken back, and not to be tried again. */
	readonly refused: JSONObject | null;
	/** For the cloud. */
	readonly status: JSONObject;
}

/** Made anew each time: XS takes no constant of a preloaded module into JSON. */
function nothing(): Kept {
	return { set: {}, candidate: null, boots: 0, refused: null, status: {} };
}

export class Configuration implements ShadowCallbacks {
	/** To be added to a connection by this name. */
	readonly shadowName: string;
	readonly shadow: Shadow;
	readonly #owner: ConfigurationOwner;
	readonly #handlers: ConfigurationHandlers<Model, unknown>;
	readonly #self: unknown;
	readonly #timeout: number;
	readonly #initial: JSONObject;
	#kept: Kept;
	/** What is desired was not looked at since it changed. */
	#changed = false;
	/** The program knows what it is to go by. */
	#told = false;
	#online = false;
	/** The program has confirmed the candidate, or need not. */
	#confirmed = false;
	/** When the trial is over, and when it will have gone well: monotonic ms. */
	#end = Infinity;
	#good = Infinity;
	#rejection: string | undefined;

	/** @throws DeviceError `argument` */
	constructor(
		owner: ConfigurationOwner, handlers: ConfigurationHandlers<Model, unknown>, self: unknown, prefix: string,
	) {
		const { model, timeout = TIMEOUT, shadow = KEY } = handlers;
		const initial = handlers.initial as JSONObject | undefined ?? {};
		if (Object.hasOwn(model, STATUS)) {
			throw new DeviceError("argument", `"${STATUS}" is no member of a configuration`);
		}
		checkPatch(model, initial);
		this.shadowName = shadow;
		this.#owner = owner;
		this.#handlers = handlers;
		this.#self = self;
		this.#timeout = inRange("configuration.timeout", timeout, SETTLE_TIME, TIMEOUT_MAXIMUM);
		this.#initial = initial;
		this.#kept = this.load();
		this.shadow = new Shadow(this, { members: memberNames(model), prefix });
	}

	/** A copy of what the device goes by: what is on trial, or else what is in force. */
	get current(): JSONObject {
		const { candidate, set } = this.#kept;
		return applyPatch(applyPatch({}, this.#initial), candidate ?? set);
	}

	get onTrial(): boolean {
		return this.#kept.candidate !== null;
	}

	get deadline(): number {
		if (!this.#told || this.#changed || this.#rejection !== undefined) return 0;
		return Math.min(this.#end, this.#good);
	}

	/** The cloud can be reached. */
	connected(): void {
		this.#online = true;
	}

	disconnected(): void {
		this.#online = false;
		this.#good = Infinity;
	}

	/** What is on trial is good, as far as the program knows. */
	confirm(): void {
		this.#confirmed = true;
		this.settle(this.#owner.host.time.now());
		this.#owner.onTurn();
	}

	/** What is on trial is not good. @param reason for the operator */
	reject(reason: string = "REJECTED"): void {
		if (!this.onTrial) return;
		this.#rejection = reason;
		this.#owner.onTurn();
	}

	onDelta(): void {
		this.#changed = true;
	}

	/** The cloud has our word for what we go by, and wants nothing else. */
	onSync(): void {
		const kept = this.#kept;
		// What was refused is no longer desired.
		const status = this.status(this.onTrial ? "trial" : "applied");
		if (kept.refused !== null && this.keep({ ...kept, refused: null, status })) this.say();
		this.settle(this.#owner.host.time.now());
	}

	onError(error: DeviceError): void {
		this.#owner.onError(error);
	}

	expire(now: number): void {
		if (now < this.deadline) return;
		if (!this.#told) return this.begin(now);
		const rejection = this.#rejection;
		this.#rejection = undefined;
		if (rejection !== undefined && this.onTrial) this.revert(rejection, now);
		else if (this.#changed) this.consider(now);
		else if (now >= this.#good) this.commit(now);
		else if (now >= this.#end) this.revert("NO_CONNECTION", now);
	}

	/** The program starts with what was in force, or goes on with what was on trial. */
	private begin(now: number): void {
		this.#told = true;
		const kept = this.#kept;
		if (kept.candidate !== null) {
			const { resetReason } = this.#owner.host.system;
			const isCrash = resetReason === "exception" || resetReason === "watchdog";
			if (isCrash || kept.boots >= TRIAL_BOOTS) return this.revert(isCrash ? "CRASH" : "RESTARTS", now);
			if (!this.keep({ ...kept, boots: kept.boots + 1 })) return this.revert("STORAGE", now);
		}
		this.apply(now);
	}

	/** What is desired is looked at whole, and tried. */
	private consider(now: number): void {
		this.#changed = false;
		const kept = this.#kept;
		const candidate = applyPatch(applyPatch({}, kept.set), applyPatch({}, this.shadow.desired));
		if (equal(candidate, kept.refused ?? undefined) || equal(candidate, kept.candidate ?? undefined)) return;
		const reason = this.fault(candidate);
		if (reason !== undefined) return this.refuse(candidate, reason);
		if (!this.keep({ ...nothing(), set: kept.set, candidate, boots: 1, status: this.status("trial") })) {
			return this.refuse(candidate, "STORAGE");
		}
		this.apply(now);
	}

	/** What is wrong with it, if anything is. */
	private fault(candidate: JSONObject): string | undefined {
		const { model, check } = this.#handlers;
		const misfit = misfitOf(model, candidate);
		if (misfit !== undefined) return `BAD_VALUE: ${misfit}`;
		const whole = applyPatch(applyPatch({}, this.#initial), candidate);
		try {
			return check?.call(this.#self, whole as Document<Model>);
		} catch (error) {
			this.#owner.onError(toDeviceError(error, "internal", "check of a configuration"));
			return "EXCEPTION";
		}
	}

	/** Tells the program and the cloud what the device goes by. A program that throws takes a candidate back. */
	private apply(now: number): void {
		const { current, onTrial } = this;
		this.#confirmed = this.#handlers.confirm !== "manual";
		this.#good = Infinity;
		this.#end = onTrial ? now + this.#timeout : Infinity;
		try {
			this.#handlers.onConfigure.call(this.#self, current as Document<Model>);
		} catch (error) {
			this.#owner.onError(toDeviceError(error, "internal", "configuration"));
			if (onTrial) return this.revert("EXCEPTION", now);
		}
		this.say();
	}

	private commit(now: number): void {
		const { candidate, refused, status } = this.#kept;
		// What was refused since is what the cloud is to know of.
		const told = refused === null ? { ...status, state: "applied" } : status;
		this.#good = Infinity;
		// Where it cannot be written the trial goes on: after a reset it would be one again.
		this.#end = now + this.#timeout;
		if (!this.keep({ ...nothing(), set: candidate!, refused, status: told })) return;
		this.#end = Infinity;
		this.say();
	}

	/** Back to what is in force, even where that cannot be written: after a reset the trial ends likewise. */
	private revert(reason: string, now: number): void {
		const { set, candidate, status } = this.#kept;
		const told = { ...status, state: "reverted", reason: cut(reason, REASON_MAXIMUM) };
		const reverted = { ...nothing(), set, refused: candidate, status: told };
		this.keep(reverted);
		this.#kept = reverted;
		this.apply(now);
	}

	/** What the device goes by stays as it is. */
	private refuse(refused: JSONObject, reason: string): void {
		const { set, candidate, boots } = this.#kept;
		const status = { ...this.status("refused"), reason: cut(reason, REASON_MAXIMUM) };
		const kept = { set, candidate, boots, refused, status };
		this.keep(kept);
		this.#kept = kept;
		this.say();
	}

	private status(state: ConfigurationState): JSONObject {
		return { version: this.shadow.version, state };
	}

	/** The trial goes well from when the cloud has our word, is there, and the program has nothing against it. */
	private settle(now: number): void {
		if (!this.onTrial || !this.#online || !this.#confirmed || !this.shadow.inSync) return;
		if (this.#good === Infinity) this.#good = now + SETTLE_TIME;
	}

	private say(): void {
		this.shadow.report({ ...this.current, [STATUS]: { reason: null, ...this.#kept.status } });
		this.#owner.onTurn();
	}

	/** @returns false when it could not be written, and is as it was */
	private keep(kept: Kept): boolean {
		const { host } = this.#owner;
		try {
			const record = JSON.stringify([kept.set, kept.candidate, kept.boots, kept.refused, kept.status]);
			const length = host.text.byteLength(record);
			if (length > STORED_MAXIMUM) throw new DeviceError("too-large", `${length} bytes of configuration to keep`);
			const bytes = new Uint8Array(length);
			host.text.encode(record, bytes, 0);
			new Shelf(host.storage).write(KEY, bytes);
		} catch (error) {
			this.#owner.onError(toDeviceError(error, "storage", "configuration"));
			return false;
		}
		this.#kept = kept;
		return true;
	}

	private load(): Kept {
		const { storage, text } = this.#owner.host;
		try {
			const bytes = new Shelf(storage).read(KEY);
			if (bytes === undefined) return nothing();
			// Our own writing: native, and its member names were bounded when they came.
			const record: unknown = JSON.parse(text.decode(bytes, 0, bytes.byteLength));
			const [set, candidate, boots, refused, status] = Array.isArray(record) ? record as unknown[] : [];
			const isWhole = isObject(set) && isObject(status) && Number.isSafeInteger(boots)
				&& (candidate === null || isObject(candidate)) && (refused === null || isObject(refused));
			if (!isWhole) throw new DeviceError("corrupt", "configuration in the storage");
			// An image with another model may have written it.
			const { model } = this.#handlers;
			prune(model, set, false);
			if (candidate !== null) prune(model, candidate, false);
			return { set, candidate, boots: boots as number, refused, status };
		} catch (error) {
			this.#owner.onError(toDeviceError(error, "corrupt", "configuration in the storage"));
			return nothing();
		}
	}
}
