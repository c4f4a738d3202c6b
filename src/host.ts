// SPDX-License-Identifier: Apache-2.0
/**
 * What the SDK asks of a platform: the shapes of ECMA-419, handed in as one `Host` object.
 *
 * Types, and some numbers. `hosts/moddable`, `hosts/node`, `hosts/world` and `hosts/xs` implement them, and
 * `test/host` holds each to the same promises:
 *
 * - a constructor validates its options completely before it takes a resource, and never changes them;
 * - callbacks are read once, in the constructor, and never run from inside a call into the object:
 *   they come from the event loop, with nothing of ours on the stack;
 * - a stream's first `onWritable` says that it is connected (for TLS: that the handshake is over);
 * - `onError` runs at most once and is the last callback of a stream; it also means "the peer closed";
 * - `close` may be called twice and inside any callback; no callback follows it;
 * - what fails is a `DeviceError` with a stable code; nothing is thrown into the event loop.
 */
import type { DeviceError } from "./base/error.js";

/** An open stream. Owned by whoever made it until `close`: an open socket is never collected. */
export interface Stream {
	/**
	 * Fills all of `target`, which must not be longer than what `onReadable` announced and is not read yet.
	 * @returns the bytes read, that is `target.byteLength`
	 * @throws DeviceError `argument` when `target` is empty or longer than what is available; `state` after `close`
	 */
	read(target: Uint8Array): number;
	/**
	 * Takes all of `source` or nothing. The bytes are copied: `source` may be reused at once.
	 * @returns the bytes that may still be written now, which may be fewer than the last room less `source`
	 * @throws DeviceError `full` when `source` is longer than the room last reported; `state` before the first
	 * `onWritable` and after `close`
	 */
	write(source: Uint8Array): number;
	/** Ends the stream. What was written before is still sent, as far as the peer takes it in a few seconds. */
	close(): void;
}

export interface StreamCallbacks {
	/** `count` bytes can be read now. Called again when more arrives; never called with 0. */
	onReadable?: ((count: number) => void) | undefined;
	/** `count` bytes can be written now. The first call means connected. Level information, not an edge. */
	onWritable?: ((count: number) => void) | undefined;
	/**
	 * The stream is over: only `close` remains. Bytes received before the end were announced before; where they were
	 * not read yet, some platforms still let them be read and others wait until they were.
	 * Codes: `unreachable` (refused, no route), `closed` (ended or reset by the peer), `tls` (handshake or
	 * certificate refused; `detail` is the alert where the peer sent one), `timeout`.
	 */
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface TCPOptions extends StreamCallbacks {
	/** IP address literal; names go through `dns` first. */
	address: string;
	port: number;
	/** Switches Nagle's algorithm off. */
	nodelay?: boolean | undefined;
}

/** Bytes of DER. Certificates are X.509; the private key is unencrypted PKCS#8. */
export interface SecureOptions {
	/** Trust anchors, exactly these: no built-in store is consulted. At least one. */
	certificates: readonly Uint8Array[];
	/** Our own chain, leaf first. Absent or empty: no client authentication. */
	clientCertificates?: readonly Uint8Array[] | undefined;
	/** Needed with `clientCertificates`. */
	clientKey?: Uint8Array | undefined;
	/** Application-Layer Protocol Negotiation, in order of preference (RFC 7301). */
	applicationLayerProtocolNegotiation?: readonly string[] | undefined;
}

export interface TLSOptions extends TCPOptions {
	/** Name (or IP address) for SNI and for the check of the server's certificate (RFC 6125). */
	host: string;
	secure: SecureOptions;
}

/** A WebSocket whose messages are one stream of bytes, as MQTT has it (RFC 6455; MQTT 3.1.1 §6), unless it is told. */
export interface WebSocketOptions extends TCPOptions {
	/** Name for the request's `Host`, and with TLS for SNI and for the check of the server's certificate. */
	host: string;
	/** Of the request: begins with a slash, may have a query. */
	path: string;
	/** The subprotocol offered. A server that does not select it is refused with `violation`. */
	protocol: string;
	/** Absent: no TLS. The application protocol offered is `http/1.1`, unless others are given. */
	secure?: SecureOptions | undefined;
	/**
	 * True: the program needs to know where messages end, as CoAP does (RFC 8323 §4). What is read is then pieces of
	 * messages, each behind four bytes: its length, big-endian, and in the highest bit whether its message goes on in
	 * the next piece. A piece is a frame, or a whole message. An empty message is four zeros; a frame of 2^31 bytes and
	 * more ends the stream with `too-large`. Writes are as always.
	 */
	messages?: boolean | undefined;
}

export interface Datagrams {
	/**
	 * Takes the oldest datagram; what does not fit `target` is lost.
	 * `remote`, when given, receives the sender.
	 * @returns the bytes put into `target`, or -1 when none is waiting
	 */
	read(target: Uint8Array, remote?: Remote): number;
	/** Sends `source` to an IP address literal. May be lost silently, as UDP may. */
	write(source: Uint8Array, address: string, port: number): void;
	close(): void;
	/** The local port. */
	readonly port: number;
}

export interface Remote { address: string; port: number }

export interface UDPOptions {
	/** Local port; 0 or absent lets the platform choose. */
	port?: number | undefined;
	/** `count` datagrams are waiting. */
	onReadable?: ((count: number) => void) | undefined;
	onError?: ((error: DeviceError) => void) | undefined;
}

/** Bytes of an identity and of a key that every implementation takes (RFC 4279 §5.3). */
export const PSK_IDENTITY_MAXIMUM = 128;
export const PSK_MAXIMUM = 64;

/**
 * Datagrams to and from one peer, under DTLS 1.2 with a key that both have (RFC 6347, RFC 4279). The suite is the one
 * that CoAP requires, TLS_PSK_WITH_AES_128_CCM_8. Lost flights of the handshake are sent again; data is not.
 */
export interface DTLSOptions {
	/** IP address literal of the peer; names go through `dns` first. */
	address: string;
	/** The peer's; the platform chooses the local one. */
	port: number;
	psk: {
		/** 1 to PSK_IDENTITY_MAXIMUM bytes of UTF-8. */
		identity: string;
		/** 1 to PSK_MAXIMUM bytes. */
		key: Uint8Array;
	};
	/** `count` datagrams are waiting. */
	onReadable?: ((count: number) => void) | undefined;
	/** The handshake is over: from now on `write` is allowed, to the peer alone. Called once. */
	onWritable?: (() => void) | undefined;
	/**
	 * The session is over: only `close` remains. Runs at most once. Codes: `timeout` (nobody answers the handshake),
	 * `tls` (refused, with the alert as `detail` where the peer sent one; or silence since it was shown the key, which
	 * is how most servers meet a wrong one), `unreachable`, `closed` (ended by the peer).
	 */
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface ResolveOptions {
	host: string;
	onResolved(host: string, address: string): void;
	onError(error: DeviceError): void;
}

/** A resolver of names. IP address literals are answered too, and asynchronously as all else. */
export interface Resolver {
	resolve(options: ResolveOptions): void;
	/** Drops what is under way: no callback follows. */
	close(): void;
}

/** One named set of small values that outlive a reset; each write is atomic and durable when it returns. */
export interface StorageDomain {
	/** A copy of the value, or `undefined`. */
	read(key: string): Uint8Array | undefined;
	/** Keys: 1-15 characters of printable ASCII. @throws DeviceError `argument`, `full`, `storage` */
	write(key: string, value: Uint8Array): void;
	/** Deleting what is not there is no error. */
	delete(key: string): void;
	keys(): string[];
	close(): void;
}

export interface StorageProvider { open(options: { path: string }): StorageDomain }

/** NOR flash: erased bytes are 0xFF, programming only clears bits, erasing works on whole blocks. */
export interface FlashPartition {
	readonly size: number;
	readonly blockLength: number;
	/** Fills all of `target` from `offset`. @throws DeviceError `argument` beyond the end */
	read(target: Uint8Array, offset: number): void;
	/** ANDs `source` into the cells at `offset`. @throws DeviceError `argument` beyond the end, `storage` */
	write(source: Uint8Array, offset: number): void;
	/** Erases blocks `from` up to but not including `to` (default: one block). */
	eraseBlock(from: number, to?: number): void;
	close(): void;
}

export interface FlashProvider {
	/**
	 * A partition by its name; where there are `images`, "running" and "nextota" are those.
	 * @throws DeviceError `argument` when no partition has that name
	 */
	open(options: { path: string }): FlashPartition;
}

/** Opaque: only `clear` takes it. */
export type TimerHandle = object;

export interface Timers {
	/** Runs `callback` once after `delay` ms (at least 0, at most 2^31 - 1). */
	set(callback: () => void, delay: number): TimerHandle;
	/** Runs `callback` every `interval` ms (at least 1). */
	repeat(callback: () => void, interval: number): TimerHandle;
	/** Accepts `undefined`, and handles that fired or were cleared before. */
	clear(handle: TimerHandle | undefined): void;
}

export interface Clocks {
	/** Monotonic ms since some point before boot; never steps, unrelated to the wall clock. */
	now(): number;
	/** Wall clock, ms since 1970-01-01 UTC; `undefined` while it was never set. */
	wall(): number | undefined;
}

/** The platform's native UTF-8 codec: a loop in JavaScript costs 200 ns a byte on XS. */
export interface TextCodec {
	/** Bytes that `encode` will write. @throws DeviceError `argument` on an unpaired surrogate */
	byteLength(text: string): number;
	/**
	 * Writes `text` to `target` from `start`.
	 * @returns the bytes written
	 * @throws DeviceError `full` when it does not fit, `argument` on an unpaired surrogate
	 */
	encode(text: string, target: Uint8Array, start: number): number;
	/** @throws DeviceError `malformed` on ill-formed UTF-8. A leading U+FEFF is kept. */
	decode(bytes: Uint8Array, start: number, end: number): string;
}

export type DigestAlgorithm = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

export interface Digest {
	update(bytes: Uint8Array): void;
	/** Ends the digest; the object cannot be used again. */
	digest(): Uint8Array;
}

/** AES-128 in CCM (RFC 3610): who has not the key can neither read nor alter what is sealed. */
export interface SealOptions {
	/** 16 bytes. */
	key: Uint8Array;
	/** 7 to 13 bytes, never the same twice with one key. */
	nonce: Uint8Array;
	/** What is not to be altered either, and no secret: at most 65,279 bytes. */
	additional: Uint8Array;
	/** At most 65,535 bytes; what is opened ends with its tag. */
	bytes: Uint8Array;
	/** Bytes: 8 or 16. */
	tagLength: number;
}

export interface Crypto {
	digest(algorithm: DigestAlgorithm): Digest;
	/** @returns as many bytes as there were, and the tag. @throws DeviceError `argument` */
	seal(options: SealOptions): Uint8Array;
	/**
	 * @returns what was sealed; `undefined` when it was altered, in as much time wherever that was, or was not sealed
	 * with this key and nonce, as many bytes of tag, and what is additional
	 * @throws DeviceError `argument`
	 */
	open(options: SealOptions): Uint8Array | undefined;
}

export type KeyType = "P-256" | "RSA-2048";

export interface GenerateKeyOptions {
	type: KeyType;
	/**
	 * @param key       the private key, PKCS#8 DER, unencrypted; never leaves the device
	 * @param publicKey SubjectPublicKeyInfo DER
	 */
	onKey(key: Uint8Array, publicKey: Uint8Array): void;
	onError(error: DeviceError): void;
}

export interface SignOptions {
	/** PKCS#8 DER, as `generate` gives it and as TLS takes it. */
	key: Uint8Array;
	/** What is signed, whole: the digest is SHA-256. Read at once, so that it may be reused. */
	bytes: Uint8Array;
	/** For P-256 the DER of ECDSA-Sig-Value (RFC 3279 §2.2.3), for RSA PKCS#1 v1.5. */
	onSignature(signature: Uint8Array): void;
	/** Codes: `credential` when the key cannot be used. The message says nothing of it. */
	onError(error: DeviceError): void;
}

export interface VerifyOptions {
	/** The public key: an uncompressed point of P-256, 65 bytes (SEC 1 §2.3.3). */
	key: Uint8Array;
	/** What was signed, whole: the digest is SHA-256. Read at once, so that it may be reused. */
	bytes: Uint8Array;
	/** r and s, 32 bytes each, big-endian. Out of range, that is not between 1 and the order less 1, is not valid. */
	signature: Uint8Array;
	onVerified(isValid: boolean): void;
	/** Codes: `credential` when the key is no point of the curve. */
	onError(error: DeviceError): void;
}

/**
 * Key pairs made on the device, and signatures with them. An RSA key takes seconds, so answers come from the event
 * loop: exactly one callback for each call, as a method of its options, and none once the program has ended.
 */
export interface Keys {
	/** @throws DeviceError `unsupported` when the platform makes no keys of this type; `argument` */
	generate(options: GenerateKeyOptions): void;
	/** @throws DeviceError `argument`; `too-large` for more bytes than the platform takes, which are 32 KB at least */
	sign(options: SignOptions): void;
	/**
	 * ECDSA with P-256 and SHA-256 (FIPS 186-5 §6.4).
	 * @throws DeviceError `argument`; `too-large` as `sign`
	 */
	verify(options: VerifyOptions): void;
}

/**
 * Two slots for the image that runs, and the boot loader that chooses between them. `flash` opens the slots as
 * "running", which is only read, and "nextota".
 *
 * What is activated is on trial when it boots: unless it is confirmed, the next reset, whatever its reason, boots the
 * image before, for good. A watchdog of the platform resets a device that is on trial for `TRIAL_TIMEOUT` ms, so that
 * an image which never comes to life is reverted, too.
 */
export interface Images {
	/** The image that runs is not confirmed yet. */
	readonly onTrial: boolean;
	/** The other slot holds an image that was confirmed once and that `revert` can boot. */
	readonly canRevert: boolean;
	/**
	 * Makes the image in "nextota" the one that boots next, on trial. The platform looks at the image's own format.
	 * @throws DeviceError `corrupt` when it is no image that could boot, `storage`; nothing is changed then
	 */
	activate(): void;
	/** The image that runs is good: ends its trial. Again is harmless. @throws DeviceError `storage` */
	confirm(): void;
	/**
	 * Boots the image before, and marks the one that runs as bad. Does not return.
	 * @throws DeviceError `state` when there is none
	 */
	revert(): void;
}

/** ms that an image may be on trial. */
export const TRIAL_TIMEOUT = 120_000;

export type ResetReason = "power-on" | "software" | "watchdog" | "exception" | "brownout" | "deep-sleep" | "unknown";

export interface System {
	/** Restarts the device (on a laptop: ends the process or boots the world's device again). Does not return. */
	restart(): void;
	readonly resetReason: ResetReason;
	/** How the run before this one crashed, where it did and the platform wrote it down. The same for a whole run. */
	readonly crash: Crash | undefined;
	/** Stable and unique to the chip, such as its MAC address; not a secret. */
	readonly identifier: string;
	/**
	 * RETAINED_LENGTH bytes of memory that a reset leaves as they are, whatever its reason; after a power cut they are
	 * anything. On a chip that is RTC memory. What is written is there at once: nothing is left to do while a program
	 * dies. The same bytes for a whole run, and its owner's alone; `undefined` where the platform has none.
	 */
	readonly retained: Uint8Array | undefined;
	heap(): Heap | undefined;
}

/** Bytes. */
export const RETAINED_LENGTH = 4_096;

/** Bytes of the JavaScript machine; `undefined` where the platform does not tell. */
export interface Heap {
	/** Alive. */
	readonly slots: number;
	readonly chunks: number;
	/** The most there were in this run, garbage included. */
	readonly slotsPeak?: number | undefined;
	readonly chunksPeak?: number | undefined;
	/** Garbage collections in this run. */
	readonly collections?: number | undefined;
}

/**
 * What a program dies of: an exception that left a callback, a rejection that nobody handled, a heap that is full, a
 * stack of JavaScript or of C that is, a turn that did not end in time, or something else that the engine says.
 */
export type CrashReason = "exception" | "rejection" | "memory" | "stack" | "native-stack" | "watchdog" | "engine";

/** Written down by the platform while the program died, without its help. */
export interface Crash {
	readonly reason: CrashReason;
	/** Of what was thrown, or the engine's words; "" where there are none. At most CRASH_MESSAGE_MAXIMUM characters. */
	readonly message: string;
	/**
	 * A line for each frame, the innermost first: `name (module:line:column)`, without what the engine does not know;
	 * "" where it knows nothing. At most CRASH_STACK_MAXIMUM characters, whole lines.
	 */
	readonly stack: string;
}

export const CRASH_MESSAGE_MAXIMUM = 128;
export const CRASH_STACK_MAXIMUM = 768;

/** Everything a device program needs of its platform. Import it as `moorline/host`, never in another way. */
export interface Host {
	readonly name: "moddable" | "node" | "world" | "xs";
	readonly tcp: { io: new (options: TCPOptions) => Stream };
	readonly tls: { io: new (options: TLSOptions) => Stream };
	readonly udp: { io: new (options: UDPOptions) => Datagrams };
	/**
	 * Before the handshake is over `write` throws `state`, and with another address or port than the peer's `argument`.
	 * `undefined` where the platform has none, which is everywhere but on Node. A device's own will have this shape.
	 */
	readonly dtls: { io: new (options: DTLSOptions) => Datagrams } | undefined;
	/**
	 * Each write becomes one binary message, and what comes in binary messages can be read, however it was cut: frames
	 * are nobody's business, but for `messages`, and pings are answered. The first `onWritable` says that the server
	 * accepted. A text message, and whatever else RFC 6455 forbids, ends the stream with `violation`; an answer other
	 * than 101 with `rejected` and its status as `detail`; one whose head has no end with `too-large`; the server's
	 * Close with `closed` and its status as `detail`. Redirects are not followed, and nothing is compressed.
	 */
	readonly websocket: { io: new (options: WebSocketOptions) => Stream };
	readonly dns: { io: new () => Resolver };
	readonly storage: StorageProvider;
	readonly flash: FlashProvider;
	readonly timer: Timers;
	readonly time: Clocks;
	/** Fills `target` with random bytes fit for keys (in the world: from the seed). */
	random(target: Uint8Array): void;
	readonly text: TextCodec;
	readonly crypto: Crypto;
	readonly keys: Keys;
	/** `undefined` where the platform has one image only. */
	readonly images: Images | undefined;
	readonly system: System;
	/** One line of text for the developer at the console. */
	trace(line: string): void;
}
