// SPDX-License-Identifier: Apache-2.0
/**
 * The modules of the Moddable SDK (8.2) that this host touches, as they behave rather than as they are documented.
 *
 * Our own declarations, because the published typings (@moddable/typings 5.6) lack most of these modules and
 * differ from the running SDK in others. A remark says where a declaration differs from the SDK's own.
 */

declare module "embedded:io/socket/tcp" {
	interface Options {
		/** An IP address literal; the SDK's typings have `host` too, which the native code never reads. */
		address: string;
		port: number;
		nodelay?: boolean | undefined;
		onReadable?(count: number): void;
		onWritable?(count: number): void;
		/** Has no argument, and also means that the peer closed. */
		onError?(): void;
	}
	export default class TCP {
		constructor(options: Options);
		/** Typed `void` in the SDK. Throws unless `target` is filled entirely. */
		read(target: Uint8Array): number | undefined;
		/** Without a target: all that is there. */
		read(): ArrayBuffer | undefined;
		/** Typed `void` in the SDK. `undefined` when the kernel or lwIP refused the bytes. */
		write(source: Uint8Array): number | undefined;
		close(): void;
	}
}

declare module "embedded:io/socket/udp" {
	export default class UDP {
		constructor(options: { port?: number; onReadable?(count: number): void });
		read(): (ArrayBuffer & { address: string; port: number }) | undefined;
		write(source: Uint8Array, address: string, port: number): void;
		close(): void;
	}
}

declare module "embedded:storage/key-value" {
	interface Domain extends Iterable<string> {
		read(key: string): ArrayBuffer | undefined;
		write(key: string, value: Uint8Array): void;
		delete(key: string): void;
		close(): void;
	}
	const storage: { open(options: { path: string; format: "buffer" }): Domain };
	export default storage;
}

declare module "embedded:storage/flash" {
	interface Partition {
		read(target: Uint8Array, offset: number): number;
		write(source: Uint8Array, offset: number): void;
		eraseBlock(from: number, to: number): void;
		status(): { size: number; blockLength: number; blocks: number };
		close(): void;
	}
	const flash: { open(options: { path: string }): Partition };
	export default flash;
}

declare module "timer" {
	const Timer: {
		set(callback: () => void, delay?: number): object;
		repeat(callback: () => void, interval: number): object;
		clear(timer: object | undefined): void;
	};
	export default Timer;
}

declare module "time" {
	const Time: {
		/** Milliseconds in 32 signed bits on the device: only `delta` may compare two of them. */
		readonly ticks: number;
		delta(start: number, end: number): number;
	};
	export default Time;
}

declare module "net" {
	const Net: {
		/** `address` is undefined when the name cannot be resolved. */
		resolve(host: string, callback: (host: string, address: string | undefined) => void): void;
	};
	export default Net;
}

declare module "instrumentation" {
	const Instrumentation: {
		map(name: string): number | undefined;
		/** `undefined` in release builds. */
		get(index: number): number | undefined;
	};
	export default Instrumentation;
}

declare module "text/decoder" {
	export default class TextDecoder {
		constructor(label: "utf-8", options: { fatal: boolean; ignoreBOM: boolean });
		decode(bytes: Uint8Array): string;
	}
}

declare module "text/encoder" {
	export default class TextEncoder {
		encode(text: string): Uint8Array;
	}
}

declare module "crypt" {
	export class Digest {
		constructor(algorithm: "SHA1" | "SHA256" | "SHA384" | "SHA512");
		write(bytes: Uint8Array): void;
		close(): ArrayBuffer;
	}
	export class BlockCipher {
		/** Real ArrayBuffers only, here and below, but for what is encrypted. */
		constructor(algorithm: "AES", key: ArrayBuffer);
	}
	export class Mode {
		/** Without a vector: zeros. */
		constructor(mode: "CBC" | "CTR", cipher: BlockCipher, vector?: ArrayBuffer);
		/** `target` may be the buffer of `bytes`, if they begin it. CBC leaves out what is no whole block. */
		encrypt(bytes: Uint8Array, target: ArrayBuffer): ArrayBuffer;
	}
}

declare module "rng" {
	const RNG: {
		/** Replaces the state of the generator that TLS draws from. */
		init(seed: ArrayBuffer): void;
	};
	export default RNG;
}

declare module "rsa" {
	export default class RSA {
		constructor(exponent: bigint, modulus: bigint);
		/** `value` to the power of the exponent. */
		process(value: bigint): bigint;
	}
}

declare module "mont" {
	export default class Mont {
		constructor(options: { m: bigint });
		readonly m: bigint;
		mul(one: bigint, other: bigint): bigint;
		/** The inverse modulo `m`. */
		mulinv(value: bigint): bigint;
	}
}

declare module "ec" {
	import type ECPoint from "ecp";
	/** y² = x³ + ax + b modulo m. */
	export default class EC {
		readonly a: bigint;
		readonly b: bigint;
		readonly m: bigint;
		mul(point: ECPoint, factor: bigint): ECPoint;
		/** The sum of both products. */
		mul2(one: ECPoint, factor: bigint, other: ECPoint, otherFactor: bigint): ECPoint;
	}
}

declare module "curve" {
	import type EC from "ec";
	import type ECPoint from "ecp";
	export default class Curve {
		constructor(name: "secp256r1" | "secp384r1");
		/** The base point. */
		readonly G: ECPoint;
		readonly ec: EC;
		/** The order of the group. */
		readonly n: bigint;
		readonly orderSize: number;
	}
}

declare module "ecp" {
	export default class ECPoint {
		readonly X: bigint;
		readonly Y: bigint;
		/** At infinity. */
		isZero(): boolean;
		static fromOctetString(point: Uint8Array): ECPoint;
	}
}

declare module "ecdsa" {
	import type Curve from "curve";
	import type EC from "ec";
	import type ECPoint from "ecp";
	import type Mont from "mont";
	export default class ECDSA {
		constructor(key: ECPoint, curve: Curve);
		/** Arithmetic modulo the order of the group. */
		readonly n: Mont;
		readonly ec: EC;
		readonly G: ECPoint;
		/** The key. */
		readonly u: ECPoint;
		_verify(digest: ArrayBuffer, r: bigint, s: bigint): boolean;
	}
}

declare module "ssl/cert" {
	export default class CertificateManager {
		constructor(options: { clientCertificates?: readonly Uint8Array[]; clientKey?: Uint8Array });
		/** The chain as the peer sent it, leaf first: views of the record buffer. */
		verify(chain: readonly Uint8Array[]): boolean;
	}
}

declare module "ssl/session" {
	import type CertificateManager from "ssl/cert";
	/** What a session reads from and writes to. It counts both numbers down itself. */
	export interface Link {
		readable: number;
		writable: number;
		read(target: Uint8Array): number;
		write(source: Uint8Array): number;
	}
	/** Where a session looks for one that it may resume, before its first message, and what it tells when it is over. */
	export interface SessionCache {
		getByHost(host: string | undefined): { id: ArrayBuffer; secret: object } | undefined;
		saveSession(host: string, id: ArrayBuffer, secret: object): void;
		deleteSessionID(id: ArrayBuffer): void;
	}
	export default class Session {
		constructor(options: {
			protocolVersion: number;
			cache: boolean;
			serverName?: string;
			clientCertificates?: readonly Uint8Array[];
			clientKey?: Uint8Array;
			applicationLayerProtocolNegotiation?: readonly string[];
		});
		certificateManager: CertificateManager;
		/** `false` without a cache. */
		cacheManager: SessionCache | false;
		/** What was offered to be resumed. The SDK takes it for resumed when the server gives the same. */
		clientSessionID: ArrayBuffer | undefined;
		/** Set once the client's, the server's ChangeCipherSpec took effect. */
		clientCipher: object | null;
		serverCipher: object | null;
		/** What the peer sent last of its kind. */
		readonly alert?: { level: number; description: number };
		/** The last message of the handshake that was received, -1 when it was acted upon. */
		handshakeProcess: number;
		initiateHandshake(): void;
		/** One step. True when the handshake is over, also when it is over because of an alert. */
		handshake(link: Link): boolean;
		/** One record's content; `undefined` when there is none yet, `null` after close_notify. */
		read(link: Link): Uint8Array | null | undefined;
		write(link: Link, source: Uint8Array): number;
		/** One whole record, header included. */
		readPacket(link: Link): ArrayBuffer | undefined;
	}
}

declare module "ssl/alert" {
	import type Session from "ssl/session";
	const alert: {
		packetize(session: Session, level: number, description: number): Uint8Array;
	};
	export default alert;
}

declare module "ssl/constants" {
	export const AES: number;
	export const ECDHE_RSA: number;
	export const GCM: number;
	export const SHA256: number;
}

declare module "file" {
	export class File {
		/** Opened for writing, a file is created when absent and never cut short. */
		constructor(path: string, writable?: boolean);
		readonly length: number;
		position: number;
		read(type: ArrayBufferConstructor, count: number): ArrayBuffer;
		write(bytes: ArrayBuffer): void;
		close(): void;
		static exists(path: string): boolean;
		static delete(path: string): boolean;
		/** `name` without a slash names a file in the directory of `path`. */
		static rename(path: string, name: string): boolean;
	}
	export class Iterator {
		constructor(path: string);
		next(): { name: string; length?: number } | undefined;
	}
	export class Directory {
		static create(path: string): void;
	}
}

declare module "mc/config" {
	/** Command line values of mcconfig arrive as strings. */
	const config: { readonly moorline?: string };
	export default config;
}

/** Plain C functions, bound by the `ffi` entries of the root manifest.json; each platform has its own. */
declare module "mc/ffi" {
	export default class FFI {
		_exit(code: number): void;
		getrandom(target: ArrayBuffer, byteLength: number, flags: number): number;
		clock_gettime(clock: number, target: ArrayBuffer): number;
		esp_restart(): void;
		esp_reset_reason(): number;
		esp_fill_random(target: ArrayBuffer, byteLength: number): void;
		esp_efuse_mac_get_default(target: ArrayBuffer): number;
	}
}

/** The part of this host that is one for each platform: lin/ or esp32/, chosen by the root manifest.json. */
declare module "moddable:moorline/platform" {
	const platform: import("./platform.js").Platform;
	export default platform;
}

/** What the engine calls before it gives up, but for a stack that is full. */
declare var abort: ((words: string, thrown: unknown) => void) | undefined;

/** A C function by its name, which must be written out. The SDK's compiler replaces the call. */
declare function native(name: string): { call(self: undefined, ...values: (string | number | boolean)[]): unknown };

/** Appends nothing: a line needs its own line end. */
declare function trace(...values: (string | number | boolean)[]): void;

interface ArrayBufferConstructor {
	/** UTF-8; an unpaired surrogate gives ill-formed bytes. */
	fromString(text: string): ArrayBuffer;
	/** Big-endian, without leading zeros unless `byteLength` asks for them. */
	fromBigInt(value: bigint, byteLength?: number): ArrayBuffer;
}

interface BigIntConstructor {
	/** Big-endian and unsigned. */
	fromArrayBuffer(buffer: ArrayBuffer): bigint;
	bitLength(value: bigint): number;
}

interface StringConstructor {
	/** A real ArrayBuffer only. Accepts overlong forms and surrogates: see text.ts. */
	fromArrayBuffer(buffer: ArrayBuffer, byteOffset?: number, byteLength?: number): string;
}

interface String {
	/** ES2024. On XS false for two halves of a pair that were joined at run time, too. */
	isWellFormed(): boolean;
}
