// SPDX-License-Identifier: Apache-2.0
/**
 * The two sides of a recording as the program's host sees them: the recorder passes everything on and writes it down,
 * the replayer answers from what was written.
 *
 * The host that the program gets is the same code on both sides (host.ts), so that objects get the same numbers, and
 * what goes out is put into the same words.
 */
import type { Kind } from "./kind.js";
import type { Value } from "./record.js";

/** Part of what goes out with a call. */
export type Output = string | number | boolean | undefined | Uint8Array;

export interface Tape {
	/** A number for an object that the program makes. */
	name(): number;
	/**
	 * A call whose answer comes from outside. `perform` runs in the recorder alone.
	 * @param output what goes out with it
	 * @throws what `perform` threw, in both
	 */
	ask<Answer extends Value | void>(kind: Kind, output: readonly Output[], perform: () => Answer): Answer;
	/** A call whose answer follows from what went in before: `perform` runs in both. */
	compute<Answer>(kind: Kind, output: readonly Output[], perform: () => Answer): Answer;
	/** A call that the program does not come back from. */
	leave(kind: Kind, perform: () => void): void;
	/** `callback` as the platform should have it; what is none stays what it is. */
	listen<Callback extends (...args: never[]) => void>(id: number, kind: Kind, callback: Callback | undefined): Callback | undefined;
	/** No callback of this object follows. */
	forget(id: number): void;
	/** A storage domain is about to be opened, or a partition of flash. */
	visitDomain(path: string): void;
	visitPartition(path: string): void;
	/** The retained memory, the same bytes each time. */
	visitRetained(): Uint8Array | undefined;
	/** What of a value of the storage goes out. */
	maskValue(path: string, key: string, value: Uint8Array): Uint8Array;
	/** From now on these bytes are a secret, where they are no stand-in. */
	learn(secret: Uint8Array | undefined, isDerived?: boolean): void;
	isSecret(bytes: Uint8Array): boolean;
}
