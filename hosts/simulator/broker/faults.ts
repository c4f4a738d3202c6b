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
import type { FaultScope } from "./rules.js";
import { full, Rules, RULES_MAXIMUM } from "./rules.js";

/** The packets that `dropAcknowledgements` can lose. */
export type Acknowledgement = "puback" | "pubrec" | "pubrel" | "pubcomp" | "suback" | "unsuback";

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

export class Faults {
	readonly #onAction: () => void;
	readonly #refusals = new Rules<Refusal | RefusalDetail>();
	readonly #drops = new Rules<Acknowledgement>();
	readonly #duplicates = new Rules<undefined>();
	readonly #delays = new Map<string | undefined, number>();
	readonly #subscriptionDelays = new Map<string | undefined, number>();
	readonly #silent = new Set<string | undefined>();
	#actions: FaultAction[] = [];

	/** @param onAction called when `takeActions` has something */
	constructor(onAction: () => void) {
		this.#onAction = onAction;
	}

	/** Refuses the next CONNECTs, whoever they come from, unless the scope says more. */
	refuse(reason: Refusal | RefusalDetail = "unavailable", scope: FaultScope = {}): void {
		this.#refusals.arm(reason, scope);
	}

	/** Delays all that the broker sends by so many milliseconds; the order is kept. 0 ends it, for what is sent from then on. */
	delay(milliseconds: number, scope: Pick<FaultScope, "clientId"> = {}): void {
		setDelay(this.#delays, milliseconds, scope.clientId);
	}

	/**
	 * Grants subscriptions at once and lets them count so many milliseconds later: what is published in between is missed,
	 * answers to a request that follows SUBACK included. 0 ends it.
	 */
	delaySubscriptions(milliseconds: number, scope: Pick<FaultScope, "clientId"> = {}): void {
		setDelay(this.#subscriptionDelays, milliseconds, scope.clientId);
	}

	/**
	 * Loses acknowledgements of one type on their way to the client; the broker believes that it sent them. A lost PUBACK
	 * or PUBCOMP goes on counting against what an MQTT 5 client may send.
	 */
	dropAcknowledgements(type: Acknowledgement, scope: FaultScope = {}): void {
		this.#drops.arm(type, scope);
	}

	/** Sends the next QoS 1 and 2 messages twice: the same packet identifier, the second time with the duplicate flag. */
	duplicate(scope: FaultScope = {}): void {
		this.#duplicates.arm(undefined, scope);
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
		this.#refusals.clear();
		this.#drops.clear();
		this.#duplicates.clear();
		this.#delays.clear();
		this.#subscriptionDelays.clear();
		this.#silent.clear();
		this.#act({ kind: "wake" });
	}

	/** For the broker: the refusal that meets this CONNECT. */
	takeRefusal(clientId: string): Refusal | RefusalDetail | undefined {
		return this.#refusals.take(clientId)?.value;
	}

	/** For the broker: whether this packet to the client is lost. */
	takeDrop(type: string, clientId: string | undefined): boolean {
		return this.#drops.take(clientId, value => value === type) !== undefined;
	}

	/** For the broker: whether this message is sent twice. */
	takeDuplicate(clientId: string): boolean {
		return this.#duplicates.take(clientId) !== undefined;
	}

	/** For the broker. @param clientId absent before CONNECT */
	delayOf(clientId: string | undefined): number { return delayFor(this.#delays, clientId); }

	/** For the broker. */
	subscriptionDelayOf(clientId: string): number { return delayFor(this.#subscriptionDelays, clientId); }

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

/** @throws DeviceError `argument`, `full` */
function setDelay(delays: Map<string | undefined, number>, milliseconds: number, clientId: string | undefined): void {
	if (!(milliseconds >= 0 && milliseconds < Infinity)) throw new DeviceError("argument", `cannot delay by ${milliseconds} ms`);
	if (milliseconds === 0) delays.delete(clientId);
	else if (delays.size >= RULES_MAXIMUM && !delays.has(clientId)) throw full();
	else delays.set(clientId, milliseconds);
}

function delayFor(delays: ReadonlyMap<string | undefined, number>, clientId: string | undefined): number {
	return delays.get(clientId) ?? delays.get(undefined) ?? 0;
}
