// SPDX-License-Identifier: Apache-2.0
/**
 * Faults on demand: what a broker may do to its clients, done when a test asks for it.
 *
 * Pure and deterministic: a fault is armed and then meets the next events that fit. `kick`, `restart` and `speak` happen
 * when the broker next looks at the time, which is at once where it is served. The faults are the same in the world and
 * on real sockets.
 * Spec: none; each is something that networks, brokers or their operators do.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { Refusal, RefusalDetail } from "./reasons.js";

/** The packets that `dropAcknowledgements` can lose. */
export type Acknowledgement = "puback" | "pubrec" | "pubrel" | "pubcomp" | "suback" | "unsuback";

export interface FaultScope {
	/** How many events the fault meets. Default: all, until `clear`. */
	count?: number | undefined;
	/** Default: every client. */
	clientId?: string | undefined;
}

export interface RestartOptions {
	/** The broker kept nothing on disk: sessions and retained messages are gone, too. */
	forget?: boolean | undefined;
	/** MQTT 5 clients are told that the server shuts down (0x8B). Default: connections break without a word. */
	notice?: boolean | undefined;
}

/** What a fault asks of the broker the next time that it looks at the clock. */
export type FaultAction =
	| { kind: "kick"; clientId: string; reasonCode: number | undefined }
	| { kind: "restart"; options: RestartOptions }
	| { kind: "wake" };

interface Rule<Value> { count: number; readonly clientId: string | undefined; readonly value: Value }

/** Faults of one kind that are armed, and actions that wait; one more is refused with `full`. */
const RULES_MAXIMUM = 1_000;

export class Faults {
	readonly #onAction: () => void;
	readonly #refusals: Rule<Refusal | RefusalDetail>[] = [];
	readonly #drops: Rule<Acknowledgement>[] = [];
	readonly #duplicates: Rule<undefined>[] = [];
	readonly #delays = new Map<string | undefined, number>();
	readonly #silent = new Set<string | undefined>();
	#actions: FaultAction[] = [];

	/** @param onAction called when `takeActions` has something */
	constructor(onAction: () => void) {
		this.#onAction = onAction;
	}

	/** Refuses the next CONNECTs, whoever they come from, unless the scope says more. */
	refuse(reason: Refusal | RefusalDetail = "unavailable", scope: FaultScope = {}): void {
		arm(this.#refusals, reason, scope);
	}

	/** Delays all that the broker sends by so many milliseconds; the order is kept. 0 ends it, for what is sent from then on. */
	delay(milliseconds: number, scope: Pick<FaultScope, "clientId"> = {}): void {
		if (!(milliseconds >= 0 && milliseconds < Infinity)) throw new DeviceError("argument", `cannot delay by ${milliseconds} ms`);
		if (milliseconds === 0) this.#delays.delete(scope.clientId);
		else if (this.#delays.size >= RULES_MAXIMUM && !this.#delays.has(scope.clientId)) throw full();
		else this.#delays.set(scope.clientId, milliseconds);
	}

	/**
	 * Loses acknowledgements of one type on their way to the client; the broker believes that it sent them. A lost PUBACK
	 * or PUBCOMP goes on counting against what an MQTT 5 client may send.
	 */
	dropAcknowledgements(type: Acknowledgement, scope: FaultScope = {}): void {
		arm(this.#drops, type, scope);
	}

	/** Sends the next QoS 1 and 2 messages twice: the same packet identifier, the second time with the duplicate flag. */
	duplicate(scope: FaultScope = {}): void {
		arm(this.#duplicates, undefined, scope);
	}

	/**
	 * The broker takes bytes and does nothing with them: no answer, no message, no time-out, as a process that hangs.
	 * Without a client: new connections are taken and not answered, either.
	 */
	silence(scope: Pick<FaultScope, "clientId"> = {}): void {
		if (this.#silent.size >= RULES_MAXIMUM && !this.#silent.has(scope.clientId)) throw full();
		this.#silent.add(scope.clientId);
	}

	/** Ends `silence` of the same scope: the broker goes on with what came meanwhile. */
	speak(scope: Pick<FaultScope, "clientId"> = {}): void {
		this.#silent.delete(scope.clientId);
		this.#act({ kind: "wake" });
	}

	/**
	 * Ends a client's connection. Its will is published.
	 * @param reasonCode what an MQTT 5 client is told in a DISCONNECT, for example 0x98 or 0x8E. Absent: the connection just
	 * breaks, as it always does for 3.1.1
	 */
	kick(clientId: string, reasonCode?: number): void {
		this.#act({ kind: "kick", clientId, reasonCode });
	}

	/** Ends all connections as a broker does that starts again: no will is published. */
	restart(options: RestartOptions = {}): void {
		this.#act({ kind: "restart", options });
	}

	/** Disarms everything; silence ends as with `speak`. */
	clear(): void {
		this.#refusals.length = 0;
		this.#drops.length = 0;
		this.#duplicates.length = 0;
		this.#delays.clear();
		this.#silent.clear();
		this.#act({ kind: "wake" });
	}

	/** For the broker: the refusal that meets this CONNECT. */
	takeRefusal(clientId: string): Refusal | RefusalDetail | undefined {
		return take(this.#refusals, rule => isFor(rule, clientId))?.value;
	}

	/** For the broker: whether this packet to the client is lost. */
	takeDrop(type: string, clientId: string | undefined): boolean {
		return take(this.#drops, rule => rule.value === type && isFor(rule, clientId)) !== undefined;
	}

	/** For the broker: whether this message is sent twice. */
	takeDuplicate(clientId: string): boolean {
		return take(this.#duplicates, rule => isFor(rule, clientId)) !== undefined;
	}

	/** For the broker. @param clientId absent before CONNECT */
	delayOf(clientId: string | undefined): number {
		return this.#delays.get(clientId) ?? this.#delays.get(undefined) ?? 0;
	}

	/** For the broker. @param clientId absent before CONNECT */
	isSilent(clientId: string | undefined): boolean {
		return this.#silent.has(undefined) || (clientId !== undefined && this.#silent.has(clientId));
	}

	/** For the broker: what is to be done, each once. */
	takeActions(): FaultAction[] {
		const actions = this.#actions;
		this.#actions = [];
		return actions;
	}

	#act(action: FaultAction): void {
		if (this.#actions.length >= RULES_MAXIMUM) throw full();
		this.#actions.push(action);
		this.#onAction();
	}
}

function arm<Value>(rules: Rule<Value>[], value: Value, { count = Infinity, clientId }: FaultScope): void {
	if (!(count > 0)) throw new DeviceError("argument", `cannot arm a fault for ${count} events`);
	if (rules.length >= RULES_MAXIMUM) throw full();
	rules.push({ count, clientId, value });
}

/** The first rule that fits, one event less of it. */
function take<Value>(rules: Rule<Value>[], fits: (rule: Rule<Value>) => boolean): Rule<Value> | undefined {
	const index = rules.findIndex(fits);
	const rule = rules[index];
	if (!rule) return undefined;
	rule.count--;
	if (rule.count <= 0) rules.splice(index, 1);
	return rule;
}

function isFor({ clientId }: Rule<unknown>, client: string | undefined): boolean {
	return clientId === undefined || clientId === client;
}

function full(): DeviceError {
	return new DeviceError("full", `cannot arm a fault: ${RULES_MAXIMUM} are armed already`);
}
