// SPDX-License-Identifier: Apache-2.0
/**
 * What can stand in a recording: its records by their numbers, and the names under which people read of them.
 *
 * A number is never used for something else. A record is an array that begins with it:
 *
 * | record        | behind its number                                                                             |
 * |---------------|-----------------------------------------------------------------------------------------------|
 * | `BOOT`        | version, host's name, program's digest and form, reset reason, has DTLS, has images, crash |
 * | `RETAINED`    | bytes of the retained memory, or null, as the boot found it; its `CELLS` follow               |
 * | `DOMAIN`      | path, count: a storage domain as the boot found it; as many `VALUE` follow                    |
 * | `VALUE`       | key, bytes                                                                                    |
 * | `PARTITION`   | path, size, length of a block: a partition of flash, too; its `CELLS` follow                  |
 * | `CELLS`       | offset, bytes: what is not erased; of retained memory, what is not zero                       |
 * | `IMPURE`      | what the program asked past its host, which no replay knows                                   |
 * | `CRASH`       | check: of what the program died of                                                            |
 * | `END`         | why, digest of all that went out, and the final state as `[name, digest]` each                |
 * | calls         | check of what went out with it, or null; the answer; the failure, where it threw              |
 * | events        | number of the object, arguments of the callback; -1 less the number, where promises were not settled since the event before |
 *
 * Objects have numbers in the order in which the program made them. A failure is `[name, code, message, detail]`.
 */

const NAMES = [
	"boot", "retained memory", "storage domain", "storage value", "flash partition", "flash cells", "impurity", "crash", "end",
	"tcp.open", "tls.open", "websocket.open", "stream.read", "stream.write", "stream.close",
	"udp.open", "dtls.open", "datagrams.read", "datagrams.write", "datagrams.close",
	"dns.open", "dns.resolve", "dns.close",
	"storage.open", "storage.read", "storage.write", "storage.delete", "storage.keys", "storage.close",
	"flash.open", "flash.read", "flash.write", "flash.erase", "flash.close",
	"timer.set", "timer.repeat", "timer.clear", "time.now", "time.wall", "random",
	"crypto.digest", "crypto.seal", "crypto.open", "keys.generate", "keys.sign", "keys.verify",
	"images.onTrial", "images.canRevert", "images.activate", "images.confirm", "images.revert",
	"system.restart", "system.identifier", "system.heap", "trace",
	"onReadable", "onWritable", "onError", "onTimer", "onResolved", "onKey", "onSignature", "onVerified",
] as const;

/** Where they stand is the format: names are only ever added behind the last. */
export const Kind = Object.freeze({
	BOOT: 0, RETAINED: 1, DOMAIN: 2, VALUE: 3, PARTITION: 4, CELLS: 5, IMPURE: 6, CRASH: 7, END: 8,
	TCP_OPEN: 9, TLS_OPEN: 10, WEBSOCKET_OPEN: 11, STREAM_READ: 12, STREAM_WRITE: 13, STREAM_CLOSE: 14,
	UDP_OPEN: 15, DTLS_OPEN: 16, DATAGRAMS_READ: 17, DATAGRAMS_WRITE: 18, DATAGRAMS_CLOSE: 19,
	DNS_OPEN: 20, DNS_RESOLVE: 21, DNS_CLOSE: 22,
	STORAGE_OPEN: 23, STORAGE_READ: 24, STORAGE_WRITE: 25, STORAGE_DELETE: 26, STORAGE_KEYS: 27, STORAGE_CLOSE: 28,
	FLASH_OPEN: 29, FLASH_READ: 30, FLASH_WRITE: 31, FLASH_ERASE: 32, FLASH_CLOSE: 33,
	TIMER_SET: 34, TIMER_REPEAT: 35, TIMER_CLEAR: 36, NOW: 37, WALL: 38, RANDOM: 39,
	DIGEST: 40, SEAL: 41, OPEN: 42, GENERATE: 43, SIGN: 44, VERIFY: 45,
	ON_TRIAL: 46, CAN_REVERT: 47, ACTIVATE: 48, CONFIRM: 49, REVERT: 50,
	RESTART: 51, IDENTIFIER: 52, HEAP: 53, TRACE: 54,
	ON_READABLE: 55, ON_WRITABLE: 56, ON_ERROR: 57, ON_TIMER: 58, ON_RESOLVED: 59, ON_KEY: 60, ON_SIGNATURE: 61, ON_VERIFIED: 62,
} as const);

export type Kind = typeof Kind[keyof typeof Kind];

export function nameOf(kind: number): string {
	return NAMES[kind] ?? `record ${kind}`;
}

export function isKind(value: unknown): value is Kind {
	return typeof value === "number" && NAMES[value] !== undefined;
}

export function isCall(kind: Kind): boolean {
	return kind >= Kind.TCP_OPEN && kind < Kind.ON_READABLE;
}

export function isEvent(kind: Kind): boolean {
	return kind >= Kind.ON_READABLE;
}
