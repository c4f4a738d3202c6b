// SPDX-License-Identifier: Apache-2.0
/**
 * The host of a program that is recorded, and of its replay: src/host.ts is all that a program knows of the outside, so
 * what passes here is all that it can depend on.
 */
import type { Crash, Host, ResetReason } from "../../src/host.js";
import { CONTENT_MAXIMUM } from "./frame.js";
import { Kind } from "./kind.js";
import { bytesOf, type Value } from "./record.js";
import { recordCrypto, recordImages, recordKeys, recordTimers } from "./means.js";
import { recordFlash, recordStorage } from "./memory.js";
import { dnsClass, dtlsClass, tcpClass, tlsClass, udpClass, webSocketClass } from "./sockets.js";
import type { Tape } from "./tape.js";

/** What is known when a boot begins, and the same for all of it. */
export interface Birth {
	readonly name: Host["name"];
	readonly resetReason: ResetReason;
	readonly hasDTLS: boolean;
	readonly hasImages: boolean;
	readonly crash: Crash | undefined;
}

/** @param host the platform's; in a replay, of it only what computes and what keeps is there */
export function recordHost(tape: Tape, host: Host, { name, resetReason, hasDTLS, hasImages, crash }: Birth): Host {
	return Object.freeze({
		name,
		tcp: Object.freeze({ io: tcpClass(tape, host) }),
		tls: Object.freeze({ io: tlsClass(tape, host) }),
		websocket: Object.freeze({ io: webSocketClass(tape, host) }),
		udp: Object.freeze({ io: udpClass(tape, host) }),
		dtls: hasDTLS ? Object.freeze({ io: dtlsClass(tape, host) }) : undefined,
		dns: Object.freeze({ io: dnsClass(tape, host) }),
		storage: recordStorage(tape, host.storage),
		flash: recordFlash(tape, host.flash),
		timer: recordTimers(tape, host),
		time: Object.freeze({
			now: () => tape.ask(Kind.NOW, [], () => host.time.now()),
			wall: () => tape.ask(Kind.WALL, [], () => host.time.wall()) ?? undefined,
		}),
		random(target: Uint8Array): void {
			for (let start = 0, end: number; start === 0 || start < target.byteLength; start = end) {
				end = start + CONTENT_MAXIMUM;
				const piece = target instanceof Uint8Array ? target.subarray(start, end) : target;
				const bytes = tape.ask(Kind.RANDOM, [piece?.byteLength], () => {
					host.random(piece);
					return piece;
				});
				if (bytes !== piece) piece.set(bytesOf(bytes));
			}
		},
		text: host.text,
		crypto: recordCrypto(tape, host),
		keys: recordKeys(tape, host),
		images: hasImages ? recordImages(tape, host.images!) : undefined,
		system: Object.freeze({
			restart(): void {
				tape.leave(Kind.RESTART, () => { host.system.restart(); });
			},
			resetReason,
			crash,
			get identifier(): string {
				return tape.ask(Kind.IDENTIFIER, [], () => host.system.identifier);
			},
			get retained(): Uint8Array | undefined {
				return tape.visitRetained();
			},
			heap() {
				const heap = tape.ask<Value>(Kind.HEAP, [], () => {
					const heap = host.system.heap();
					return heap && [heap.slots, heap.chunks, heap.slotsPeak, heap.chunksPeak, heap.collections];
				});
				if (!Array.isArray(heap)) return undefined;
				const [slots, chunks, slotsPeak, chunksPeak, collections] = heap as [number, number, ...(number | undefined)[]];
				return { slots, chunks, slotsPeak, chunksPeak, collections };
			},
		}),
		trace(line: string): void {
			tape.ask(Kind.TRACE, [line], () => { host.trace(line); });
		},
	} satisfies Host);
}
