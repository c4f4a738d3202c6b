// SPDX-License-Identifier: Apache-2.0
/**
 * A device's shadow: what the cloud desires, what the device reports, and how the two are brought together.
 *
 * 1. After each connect, once the subscriptions stand, the whole document is fetched: nothing that changed
 *    in between is missed.
 * 2. From then on deltas arrive; each has a version, and nothing stale or repeated is applied. A gap fetches again.
 * 3. Reports are collected into one patch, of which one part is under way at a time. What was under way when the
 *    connection was lost is reported again: a patch applied twice does no harm.
 *
 * What the cloud says only changes state here. Callbacks run, and requests go out, from `expire` alone: the program
 * then finds the stack of a timer under it, and not that of a parser on a socket.
 *
 * Pure: knows no topics and no clock; a cloud translates between `ShadowPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { compose, difference, isEmpty, isObject, type JSONObject } from "./document.js";

/**
 * What a shadow asks of a cloud. Tokens come back with the answer. False: there is no room now, ask again later;
 * what throws is dropped.
 */
export interface ShadowPort {
	get(token: string): boolean;
	report(token: string, patch: JSONObject): boolean;
}

export interface ShadowCallbacks {
	/** Members that the cloud desires and the device does not report. Borrowed: not to be changed. */
	onDelta(delta: JSONObject, version: number): void;
	/** The device reports all that is desired, and the cloud has every report. */
	onSync?: ((version: number) => void) | undefined;
	onError?: ((error: DeviceError) => void) | undefined;
}

/** ms within which the cloud must answer; twice as long after each time that it did not, up to the maximum. */
export const ANSWER_TIMEOUT = 10_000;
const ANSWER_TIMEOUT_MAXIMUM = 320_000;
/** ms after which what found no room is tried again. */
const RETRY = 1_000;
/** The report was made on a version that is not the current one. */
const CONFLICT = 409;

export class Shadow {
	/** Of the newest document or delta that was applied; -1 before the first. */
	version = -1;
	/** There while connected. */
	#port: ShadowPort | undefined;
	readonly #callbacks: ShadowCallbacks;
	/** True from a document on, until the connection is lost or a gap is seen. */
	#fetched = false;
	/** Token of the request under way, "" for none; one at a time. */
	#token = "";
	#tokens = 0;
	/** When the answer is overdue, or when to ask again. */
	#due = Infinity;
	#timeout = ANSWER_TIMEOUT;
	/** There is something to tell or to send. */
	#awake = false;
	/** What the cloud desires and was not reported yet, and whether the program was told. */
	#outstanding: JSONObject = {};
	#told = true;
	/** Reports to make, and the report under way. */
	#pending: JSONObject = {};
	#reporting: JSONObject | undefined;
	#refusal: DeviceError | undefined;
	/** A report was refused: what the device is and what the cloud knows of it differ, until another is accepted. */
	#refused = false;
	#synced = false;
	readonly #prefix: string;

	/**
	 * @param prefix begins every token: different at each boot, or an answer to the boot before, which the broker kept,
	 * would be taken for ours
	 */
	constructor(callbacks: ShadowCallbacks, prefix = "") {
		this.#callbacks = callbacks;
		this.#prefix = prefix;
	}

	/** True when the device reports all that is desired, and the cloud has every report. */
	get inSync(): boolean {
		return this.#synced;
	}

	/** Monotonic ms at which `expire` has something to do (0: at once), or `Infinity`. */
	get deadline(): number {
		return this.#awake ? 0 : this.#due;
	}

	/** The connection stands, and so do the subscriptions that answers come by. */
	connected(port: ShadowPort): void {
		this.#port = port;
		this.#fetched = false;
		this.#awake = true;
	}

	disconnected(): void {
		this.#port = undefined;
		this.#fetched = this.#synced = false;
		this.abandon();
	}

	/**
	 * Adds to what the device reports; null deletes. The patch is copied, and goes out with the others of this turn.
	 * @throws DeviceError `argument`
	 */
	report(patch: JSONObject): void {
		if (!isObject(patch)) throw new DeviceError("argument", "a report is an object");
		// A copy first: what is refused halfway leaves nothing behind.
		compose(this.#pending, compose({}, patch));
		this.#outstanding = difference(this.#outstanding, patch);
		this.#synced = false;
		this.#awake = true;
	}

	/** The cloud's answer to `get`. @throws DeviceError `malformed` */
	document(token: string, version: number, desired: unknown, reported: unknown): void {
		if (!this.awaits(token) || this.#reporting !== undefined) return;
		checkVersion(version);
		const outstanding = this.unsaid(difference(checkObject(desired), checkObject(reported)));
		this.answered();
		this.#fetched = true;
		this.apply(outstanding, version);
	}

	/** The cloud desires something else. @throws DeviceError `malformed` */
	delta(version: number, delta: unknown): void {
		checkVersion(version);
		const changes = checkObject(delta);
		// Before the document there is nothing to compare with, and the document will hold it.
		if (!this.#fetched || version <= this.version) return;
		const outstanding = this.unsaid(changes);
		if (version > this.version + 1) return this.refetch();
		this.apply(outstanding, version);
	}

	/** The cloud's answer to a report. @throws DeviceError `malformed` */
	accepted(token: string, version: number): void {
		checkVersion(version);
		if (!this.awaits(token) || this.#reporting === undefined) return;
		this.#reporting = undefined;
		this.#refused = false;
		this.answered();
		// Versions between ours and this one belong to deltas that we did not get.
		if (version > this.version + 1) this.refetch();
		if (version > this.version) this.version = version;
	}

	/** The cloud refused a request. */
	rejected(token: string, code: number, message: string, now: number): void {
		if (!this.awaits(token)) return;
		const reporting = this.#reporting;
		this.#reporting = undefined;
		this.answered();
		if (reporting !== undefined && code === CONFLICT) {
			this.#pending = compose(reporting, this.#pending);
			// Not at once: a cloud that always says so is not to be asked without end.
			this.#due = now + RETRY;
			return this.refetch();
		}
		this.#refusal = new DeviceError("rejected", `shadow refused: ${message}`, { detail: code });
		// A report that was refused would be refused again; a document is needed whatever the reason was.
		if (reporting === undefined) this.#due = now + this.#timeout;
		else this.#refused = true;
	}

	/** Tells the program what is new, and asks the cloud for what is missing. Early calls are harmless. */
	expire(now: number): void {
		if (now < this.deadline) return;
		this.#awake = false;
		if (now >= this.#due) {
			if (this.#token !== "") this.#timeout = Math.min(2 * this.#timeout, ANSWER_TIMEOUT_MAXIMUM);
			this.abandon();
		}
		this.tell();
		if (this.#port !== undefined && this.#token === "" && this.#due === Infinity) this.proceed(this.#port, now);
	}

	private tell(): void {
		const refusal = this.#refusal;
		this.#refusal = undefined;
		if (refusal !== undefined) this.#callbacks.onError?.(refusal);
		if (this.#told) return;
		this.#told = true;
		if (!isEmpty(this.#outstanding)) this.#callbacks.onDelta(this.#outstanding, this.version);
	}

	private awaits(token: string): boolean {
		return token !== "" && token === this.#token;
	}

	/** Changes but for what the device said meanwhile, which is on its way and newer than what the cloud knew. */
	private unsaid(changes: JSONObject): JSONObject {
		return difference(changes, compose(compose({}, this.#reporting ?? {}), this.#pending));
	}

	private apply(outstanding: JSONObject, version: number): void {
		this.#outstanding = outstanding;
		this.version = version;
		this.#told = this.#synced = false;
		this.#awake = true;
	}

	private refetch(): void {
		this.#fetched = false;
		this.#awake = true;
	}

	/** Asks for the document, or says the next report; with neither to do, all is in sync. */
	private proceed(port: ShadowPort, now: number): void {
		const token = `${this.#prefix}${this.#tokens + 1}`;
		let sent: boolean;
		if (!this.#fetched) sent = port.get(token);
		else if (!isEmpty(this.#pending)) sent = this.sendReport(port, token);
		else return this.settle();
		if (sent) {
			this.#tokens++;
			this.#token = token;
		}
		this.#due = now + (sent ? this.#timeout : RETRY);
	}

	private sendReport(port: ShadowPort, token: string): boolean {
		const patch = this.#pending;
		let sent = false;
		try {
			sent = port.report(token, patch);
		} catch (error) {
			// It would never go, and nothing after it either: what cannot be said is dropped, and said to be.
			this.#pending = {};
			this.#refused = true;
			this.#refusal = toDeviceError(error, "internal", "report failed");
			this.#awake = true;
		}
		if (sent) {
			this.#reporting = patch;
			this.#pending = {};
		}
		return sent;
	}

	private settle(): void {
		if (this.#synced || this.#refused || !isEmpty(this.#outstanding)) return;
		this.#synced = true;
		this.#callbacks.onSync?.(this.version);
	}

	private answered(): void {
		this.#timeout = ANSWER_TIMEOUT;
		this.forget();
		this.#awake = true;
	}

	private forget(): void {
		this.#token = "";
		this.#due = Infinity;
	}

	/** No answer will come: a report under way goes back to what is to be reported. */
	private abandon(): void {
		this.forget();
		if (this.#reporting !== undefined) this.#pending = compose(this.#reporting, this.#pending);
		this.#reporting = undefined;
	}
}

function checkVersion(version: unknown): void {
	if (!Number.isSafeInteger(version) || (version as number) < 0) {
		throw new DeviceError("malformed", "shadow version is no whole number");
	}
}

function checkObject(value: unknown): JSONObject {
	if (!isObject(value)) throw new DeviceError("malformed", "shadow section is no object");
	return value;
}
