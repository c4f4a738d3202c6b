// SPDX-License-Identifier: Apache-2.0
/**
 * What services that ask a cloud have in common: one request under way at a time, its token, and when it is overdue.
 *
 * What the program and the cloud say only changes state. Callbacks run, and requests go out, from `expire` alone: the
 * program then finds the stack of a timer under it, and not that of a parser on a socket.
 *
 * Pure: knows no topics and no clock. A base class and not a part, because a part would be an instance more.
 */

/** ms within which the cloud must answer; twice as long after each time that it did not, up to the maximum. */
export const ANSWER_TIMEOUT = 10_000;
const ANSWER_TIMEOUT_MAXIMUM = 320_000;
/** ms after which what found no room is tried again. */
export const RETRY = 1_000;

/** Names of members of foreign documents that a service learns where none are declared. */
export const FOREIGN_MAXIMUM = 64;

/** Why a cloud refused, as far as it matters to what is done next. */
export const Refusal = Object.freeze({
	/** The cloud has too much to do, or failed: the same again, later. */
	BUSY: 0,
	/** It was asked for what cannot be: the same again would be refused again. */
	REFUSED: 1,
	/** What it was asked about is there no more. */
	GONE: 2,
	/** It knows something newer than what it was told. */
	STALE: 3,
});

export abstract class Service<Port> {
	/** There while connected. */
	#port: Port | undefined;
	readonly #prefix: string;
	/** Token of the request under way, "" for none. */
	#token = "";
	#tokens = 0;
	/** When the answer is overdue, or when to ask again. */
	#due = Infinity;
	#timeout = ANSWER_TIMEOUT;
	/** There is something to tell or to send. */
	#awake = false;

	/**
	 * @param prefix begins every token: different at each boot, or an answer to the boot before, which the broker kept,
	 * would be taken for ours
	 */
	constructor(prefix = "") {
		this.#prefix = prefix;
	}

	/** Monotonic ms at which `expire` has something to do (0: at once), or `Infinity`. */
	get deadline(): number {
		return this.#awake ? 0 : this.#due;
	}

	/** The connection stands, and so do the subscriptions that answers come by. */
	connected(port: Port): void {
		this.#port = port;
		this.#awake = true;
	}

	disconnected(): void {
		this.#port = undefined;
		this.abandon();
	}

	/** Tells the program what is new, and asks the cloud. Early calls are harmless. */
	expire(now: number): void {
		if (now < this.deadline) return;
		this.#awake = false;
		if (now >= this.#due) {
			if (this.asking) this.lengthen();
			this.abandon();
		}
		this.tell(now);
		const port = this.#port;
		if (port === undefined || this.asking || this.#due !== Infinity) return;
		const token = `${this.#prefix}${this.#tokens + 1}`;
		const sent = this.ask(port, token, now);
		if (sent === undefined) return;
		if (sent) {
			this.#tokens++;
			this.#token = token;
		}
		this.#due = now + (sent ? this.#timeout : RETRY);
	}

	/** Runs the callbacks that are due. */
	protected abstract tell(now: number): void;

	/** @returns false when there was no room for the next request, `undefined` when there is none to make */
	protected abstract ask(port: Port, token: string, now: number): boolean | undefined;

	/** No answer will come to the request that was under way. */
	protected abstract lost(): void;

	/** An answer with this token is one to the request under way. */
	protected awaits(token: string): boolean {
		return token !== "" && token === this.#token;
	}

	/** Something is under way. */
	protected get asking(): boolean {
		return this.#token !== "";
	}

	protected get online(): boolean {
		return this.#port !== undefined;
	}

	protected get port(): Port | undefined {
		return this.#port;
	}

	protected wake(): void {
		this.#awake = true;
	}

	/** A part of the answer came. @param due when the next is overdue, monotonic ms */
	protected extend(due: number): void {
		this.#due = due;
		this.#timeout = ANSWER_TIMEOUT;
	}

	/** The request under way was answered: the next may follow at once. */
	protected answered(): void {
		this.#timeout = ANSWER_TIMEOUT;
		this.forget();
		this.#awake = true;
	}

	/**
	 * The request under way was answered, but not so that another would be welcome now.
	 * @param delay ms; absent: longer each time, until one is answered well
	 */
	protected postpone(now: number, delay?: number): void {
		this.forget();
		this.#due = now + (delay ?? this.#timeout);
		if (delay === undefined) this.lengthen();
		this.#awake = true;
	}

	private abandon(): void {
		const { asking } = this;
		this.forget();
		if (asking) this.lost();
	}

	private forget(): void {
		this.#token = "";
		this.#due = Infinity;
	}

	private lengthen(): void {
		this.#timeout = Math.min(2 * this.#timeout, ANSWER_TIMEOUT_MAXIMUM);
	}
}
