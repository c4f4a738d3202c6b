// SPDX-License-Identifier: Apache-2.0
/** Timers, digests, keys and images of a recorded host. */
import type { Crypto, Digest, DigestAlgorithm, GenerateKeyOptions, Host, Images, Keys, SealOptions, SignOptions, TimerHandle, Timers, VerifyOptions } from "../../src/host.js";
import { Kind } from "./kind.js";
import { bytesOf } from "./record.js";
import type { Tape } from "./tape.js";

class RecordedTimer {
	readonly id: number;
	inner: TimerHandle | undefined;

	constructor(id: number) {
		this.id = id;
	}
}

export function recordTimers(tape: Tape, host: Host): Timers {
	const start = (kind: Kind, callback: () => void, delay: number): TimerHandle => {
		const handle = new RecordedTimer(tape.name()), heard = tape.listen(handle.id, Kind.ON_TIMER, callback)!;
		tape.ask(kind, [handle.id, delay], () => {
			handle.inner = kind === Kind.TIMER_SET ? host.timer.set(heard, delay) : host.timer.repeat(heard, delay);
		});
		return handle;
	};
	return Object.freeze({
		set: (callback: () => void, delay: number) => start(Kind.TIMER_SET, callback, delay),
		repeat: (callback: () => void, interval: number) => start(Kind.TIMER_REPEAT, callback, interval),
		clear(handle: TimerHandle | undefined): void {
			const ours = handle instanceof RecordedTimer ? handle : undefined;
			tape.ask(Kind.TIMER_CLEAR, [ours?.id], () => { host.timer.clear(ours === undefined ? handle : ours.inner); });
			if (ours !== undefined) tape.forget(ours.id);
		},
	});
}

/** What digests say follows from what they are given, but where that is a secret: a replay has not got it. */
export function recordCrypto(tape: Tape, host: Host): Crypto {
	const { crypto } = host;
	return Object.freeze({
		digest(algorithm: DigestAlgorithm): Digest {
			const inner = crypto.digest(algorithm);
			let isSecret = false;
			return {
				update(bytes: Uint8Array): void {
					inner.update(bytes);
					isSecret ||= tape.isSecret(bytes);
				},
				digest(): Uint8Array {
					const computed = inner.digest();
					const known = tape.ask(Kind.DIGEST, [], () => {
						if (!isSecret) return null;
						tape.learn(computed, true);
						return computed;
					});
					return known === null ? computed : bytesOf(known).slice();
				},
			};
		},
		seal: (options: SealOptions) => bytesOf(tape.ask(Kind.SEAL, [options.additional, options.tagLength], () => crypto.seal(options))).slice(),
		open: (options: SealOptions) => (tape.ask(Kind.OPEN, [options.additional, options.bytes, options.tagLength], () => crypto.open(options)) ?? undefined)?.slice(),
	});
}

export function recordKeys(tape: Tape, host: Host): Keys {
	/** A callback is a method of its options, and is refused by the platform where it is none. */
	const listen = <Options, Name extends keyof Options>(id: number, kind: Kind, options: Options, name: Name): Options[Name] => {
		const callback = options[name];
		if (typeof callback !== "function") return callback;
		return tape.listen(id, kind, (...args: unknown[]) => { Reflect.apply(callback, options, args); }) as Options[Name];
	};
	return Object.freeze({
		generate(options: GenerateKeyOptions): void {
			const id = tape.name(), { type } = options;
			const onKey = listen(id, Kind.ON_KEY, options, "onKey"), onError = listen(id, Kind.ON_ERROR, options, "onError");
			tape.ask(Kind.GENERATE, [id, type], () => { host.keys.generate({ type, onKey, onError }); });
		},
		sign(options: SignOptions): void {
			const id = tape.name(), { key, bytes } = options;
			tape.learn(key);
			const onSignature = listen(id, Kind.ON_SIGNATURE, options, "onSignature"), onError = listen(id, Kind.ON_ERROR, options, "onError");
			tape.ask(Kind.SIGN, [id, bytes], () => { host.keys.sign({ key, bytes, onSignature, onError }); });
		},
		verify(options: VerifyOptions): void {
			const id = tape.name(), { key, bytes, signature } = options;
			const onVerified = listen(id, Kind.ON_VERIFIED, options, "onVerified"), onError = listen(id, Kind.ON_ERROR, options, "onError");
			tape.ask(Kind.VERIFY, [id, key, bytes, signature], () => { host.keys.verify({ key, bytes, signature, onVerified, onError }); });
		},
	});
}

/** What the boot loader does with them is past the program, so that all of it is an answer. */
export function recordImages(tape: Tape, images: Images): Images {
	return Object.freeze({
		get onTrial(): boolean {
			return tape.ask(Kind.ON_TRIAL, [], () => images.onTrial);
		},
		get canRevert(): boolean {
			return tape.ask(Kind.CAN_REVERT, [], () => images.canRevert);
		},
		activate(): void {
			tape.ask(Kind.ACTIVATE, [], () => { images.activate(); });
		},
		confirm(): void {
			tape.ask(Kind.CONFIRM, [], () => { images.confirm(); });
		},
		revert(): void {
			tape.leave(Kind.REVERT, () => { images.revert(); });
		},
	});
}
