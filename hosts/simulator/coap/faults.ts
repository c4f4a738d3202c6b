// SPDX-License-Identifier: Apache-2.0
/**
 * Faults on demand: what a CoAP server and the way to it may do to its peers, done when a test asks for it.
 *
 * Pure and deterministic: a fault is armed and then meets the next events that fit. `forget` and `part` happen when the
 * server next looks at the time, which is at once where it is served.
 * Spec: none; each is something that networks, servers or their operators do.
 */
import { DeviceError } from "../../../src/base/error.js";
import { full, Rules, RULES_MAXIMUM } from "../broker/rules.js";
import type { CoAPPeer } from "./request.js";

export interface CoAPFaultScope {
	/** How many events the fault meets. Default: all, until `clear`. */
	count?: number | undefined;
	/** Identity of a peer, or its key where it has none. Default: every peer. */
	peer?: string | undefined;
}

/**
 * What goes out. `acknowledgement`: an empty one; a response within an acknowledgement is a `response`. `signal`: of
 * streams. `request`: what comes in, whatever it is.
 */
export type CoAPTraffic = "request" | "response" | "notification" | "acknowledgement" | "reset" | "signal";

/** What comes in an answer's place; garbage only until the answer is sent again. */
export type CoAPSpoiling = "wrong-token" | "garbage" | "reset";

/** How the server ends a stream: without a word, with an Abort, or by asking the peer to end it (Release). */
export type CoAPParting = "break" | "abort" | "release";

/** What a fault asks of the server the next time that it looks at the clock. */
export type CoAPFaultAction =
	| { readonly kind: "forget" }
	| { readonly kind: "part"; readonly how: CoAPParting; readonly peer: string | undefined; readonly holdOff: number | undefined };

export class CoAPFaults {
	readonly #onAction: () => void;
	readonly #losses = new Rules<CoAPTraffic | undefined>();
	readonly #duplicates = new Rules<CoAPTraffic | undefined>();
	readonly #spoilings = new Rules<CoAPSpoiling>();
	readonly #refusals = new Rules<number | undefined>();
	readonly #separations = new Rules<undefined>();
	readonly #challenges = new Rules<undefined>();
	readonly #delays = new Map<string | undefined, number>();
	readonly #silent = new Set<string | undefined>();
	#actions: CoAPFaultAction[] = [];

	/** @param onAction called when `takeActions` has something */
	constructor(onAction: () => void) {
		this.#onAction = onAction;
	}

	/** Loses messages on their way; the server believes that it sent them. Without `traffic`: all. */
	lose(traffic?: CoAPTraffic, scope: CoAPFaultScope = {}): void {
		arm(this.#losses, traffic, scope);
	}

	/** Sends messages twice, or gets them twice. Over streams only what goes out. */
	duplicate(traffic?: CoAPTraffic, scope: CoAPFaultScope = {}): void {
		arm(this.#duplicates, traffic, scope);
	}

	/** Spoils the next responses. */
	spoil(how: CoAPSpoiling, scope: CoAPFaultScope = {}): void {
		arm(this.#spoilings, how, scope);
	}

	/** Answers 5.03 in the handler's place. @param maxAge seconds after which to try again; absent: unsaid, which means 60 */
	refuse(maxAge?: number, scope: CoAPFaultScope = {}): void {
		arm(this.#refusals, maxAge, scope);
	}

	/** Acknowledges requests at once and answers them separately. */
	separate(scope: CoAPFaultScope = {}): void {
		arm(this.#separations, undefined, scope);
	}

	/** Asks requests that bear no Echo of this server's for one, with 4.01 (RFC 9175 §2.3). */
	challenge(scope: CoAPFaultScope = {}): void {
		arm(this.#challenges, undefined, scope);
	}

	/** Delays all that the server sends by so many milliseconds; the order is kept. 0 ends it, for what is sent from then on. */
	delay(milliseconds: number, scope: Pick<CoAPFaultScope, "peer"> = {}): void {
		if (!(milliseconds >= 0 && milliseconds < Infinity)) throw new DeviceError("argument", `cannot delay by ${milliseconds} ms`);
		if (milliseconds === 0) this.#delays.delete(scope.peer);
		else if (this.#delays.size >= RULES_MAXIMUM && !this.#delays.has(scope.peer)) throw full();
		else this.#delays.set(scope.peer, milliseconds);
	}

	/** The server neither hears nor says anything, as a host that is gone. Streams stay open. */
	silence(scope: Pick<CoAPFaultScope, "peer"> = {}): void {
		if (this.#silent.size >= RULES_MAXIMUM && !this.#silent.has(scope.peer)) throw full();
		this.#silent.add(scope.peer);
	}

	/** Ends `silence` of the same scope. */
	speak(scope: Pick<CoAPFaultScope, "peer"> = {}): void {
		this.#silent.delete(scope.peer);
	}

	/** Starts the server again: streams end, observations, message IDs and bodies in blocks are forgotten. */
	forget(): void {
		this.#act({ kind: "forget" });
	}

	/**
	 * Ends streams, and what they observe with them.
	 * @param holdOff seconds that a peer is asked to stay away, with a Release
	 */
	part(how: CoAPParting, { peer, holdOff }: Pick<CoAPFaultScope, "peer"> & { holdOff?: number | undefined } = {}): void {
		this.#act({ kind: "part", how, peer, holdOff });
	}

	/** Disarms everything. */
	clear(): void {
		for (const rules of [this.#losses, this.#duplicates, this.#spoilings, this.#refusals, this.#separations, this.#challenges]) rules.clear();
		this.#delays.clear();
		this.#silent.clear();
	}

	/** For the server, as all below: whether this message is lost. */
	takeLoss(traffic: CoAPTraffic, peer: CoAPPeer): boolean {
		return this.#losses.take(nameOf(peer), value => value === undefined || value === traffic) !== undefined;
	}

	takeDuplicate(traffic: CoAPTraffic, peer: CoAPPeer): boolean {
		return this.#duplicates.take(nameOf(peer), value => value === undefined || value === traffic) !== undefined;
	}

	takeSpoiling(peer: CoAPPeer): CoAPSpoiling | undefined { return this.#spoilings.take(nameOf(peer))?.value; }
	takeRefusal(peer: CoAPPeer): { readonly value: number | undefined } | undefined { return this.#refusals.take(nameOf(peer)); }
	takeSeparation(peer: CoAPPeer): boolean { return this.#separations.take(nameOf(peer)) !== undefined; }
	takeChallenge(peer: CoAPPeer): boolean { return this.#challenges.take(nameOf(peer)) !== undefined; }
	delayOf(peer: CoAPPeer): number { return this.#delays.get(nameOf(peer)) ?? this.#delays.get(undefined) ?? 0; }
	isSilent(peer: CoAPPeer): boolean { return this.#silent.has(undefined) || this.#silent.has(nameOf(peer)); }

	takeActions(): CoAPFaultAction[] {
		const actions = this.#actions;
		this.#actions = [];
		return actions;
	}

	/** Something is to be done at once. */
	get isUrgent(): boolean { return this.#actions.length > 0; }

	#act(action: CoAPFaultAction): void {
		if (this.#actions.length >= RULES_MAXIMUM) throw full();
		this.#actions.push(action);
		this.#onAction();
	}
}

/** What a scope's `peer` is compared with. */
export function nameOf({ identity, key }: CoAPPeer): string {
	return identity ?? key;
}

function arm<Value>(rules: Rules<Value>, value: Value, { count, peer }: CoAPFaultScope): void {
	rules.arm(value, { count, clientId: peer });
}
