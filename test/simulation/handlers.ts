// SPDX-License-Identifier: Apache-2.0
/**
 * A device of the world with commands that its program declares, the cloud's end of them without a network, and
 * envelopes: their signatures are modelled, as there is nobody here who could sign.
 */
import { Hash } from "../../hosts/world/hash.js";
import { createWorld, type Device, type World, type WorldOptions } from "../../hosts/world/index.js";
import type { Verify } from "../../hosts/world/keys.js";
import { crypto } from "../../hosts/node/digest.js";
import { Alarm } from "../../src/base/alarm.js";
import { DeviceError } from "../../src/base/error.js";
import { encodeBase64 } from "../../src/bytes/base64.js";
import type { JSONObject } from "../../src/bytes/value.js";
import { encodeDeterministicCBOR } from "../../src/cbor/encode.js";
import type { CBORObject, CBORValue } from "../../src/cbor/value.js";
import type { Host } from "../../src/host.js";
import { FOREIGN_MAXIMUM } from "../../src/base/service.js";
import { Commands } from "../../src/operations/commands.js";
import { Handlers, type HandlersOptions } from "../../src/operations/handlers.js";
import type { ReportKind } from "../../src/operations/report.js";
import { encoded } from "../unit/cbor/encoding.js";
import { fromHex } from "../unit/hex.js";
import { encodeSign1, ES256, protectedHeader } from "../unit/ota/release.js";
import { text } from "../unit/text.js";

export const ID = "lock-7";
/** The world's wall clock at its beginning, in seconds. */
export const NOW = 1_767_225_600;
export const KID = "0102030405060708";
/** As a program has it. */
export const KEY = `es256:${KID}:04${"ab".repeat(64)}`;
export const EDDSA_KEY = `eddsa:${KID}:${"cd".repeat(32)}`;
/** Long enough for everything that is due. */
const SETTLED = 20_000;

/** r and s in range, and of what is signed. */
function signatureOf(bytes: Uint8Array): Uint8Array {
	return fromHex(new Hash().bytes(bytes).hex().repeat(8)).map((byte) => byte & 0x7f | 1);
}

export const verify: Verify = (_key, bytes, signature) => String(signatureOf(bytes)) === String(signature);

export interface EnvelopeOptions {
	kid?: string;
	algorithm?: number;
	/** What is in the envelope is not what was signed. */
	altered?: CBORObject;
	/** Instead of claims. */
	payload?: CBORValue;
}

/** An envelope with what is signed in it; of the claims, what is good is there already. */
export function envelope(claims: CBORObject, { kid = KID, algorithm = ES256, altered = {}, payload: other }: EnvelopeOptions = {}): Uint8Array {
	const all: CBORObject = { aud: ID, exp: NOW + 600, parameters: {}, ...claims };
	const payload = encodeDeterministicCBOR(text, other ?? all);
	const toBeSigned = encoded(["Signature1", protectedHeader(algorithm, fromHex(kid)), new Uint8Array(0), payload]);
	const signature = signatureOf(toBeSigned);
	return encodeSign1({ algorithm, kid: fromHex(kid), payload: encodeDeterministicCBOR(text, other ?? { ...all, ...altered }), signature });
}

export function base64url(bytes: Uint8Array): string {
	return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What the cloud was told of a command last. */
export interface Answer { status: string; reason: string | undefined; description: string | undefined; result: unknown }

export class Scene {
	readonly world: World;
	readonly device: Device;
	handlers!: Handlers;
	readonly answers: Record<string, Answer> = {};
	/** Codes of what `onError` was told. */
	readonly errors: string[] = [];
	/** What built-in commands asked of the device. */
	readonly asked: string[] = [];
	/** Bytes of replies. */
	replied = 0;
	hazard: string | undefined;
	test: () => object | void = () => {};
	#commands!: Commands;
	#alarm!: Alarm;

	readonly #remembers: boolean;

	/** @param remembers false: the service forgets at a reset what it did */
	constructor(options: HandlersOptions | ((scene: Scene) => HandlersOptions), world: Partial<WorldOptions> = {}, remembers = true) {
		this.#remembers = remembers;
		this.world = createWorld({ seed: 1, digest: crypto.digest, verify, ...world });
		this.device = this.world.device({
			id: ID, partitions: { log: 4_096 },
			program: (host) => this.#boot(host, typeof options === "function" ? options(this) : options),
		});
		this.settle();
	}

	/** Sends a request, unless the device is off. */
	send(id: string, payload: CBORValue): void {
		if (!this.device.running) return;
		this.#commands.request(id, payload);
		this.#turn();
	}

	/** Sends a request. @returns what came of it */
	ask(id: string, payload: CBORValue): Answer | undefined {
		this.send(id, payload);
		this.settle();
		return this.answers[id];
	}

	cancel(id: string): void {
		this.#commands.cancel(id);
		this.#turn();
	}

	/** The status and the reason of an answer. */
	told(id: string, payload: CBORValue): string {
		const { status, reason } = this.ask(id, payload) ?? { status: "nothing" };
		return reason === undefined ? status : `${status} ${reason}`;
	}

	settle(): void {
		this.world.run(this.world.clock.now + SETTLED);
		if (this.device.crashes.length > 0) throw this.device.crashes[0]!.error;
	}

	#boot(host: Host, options: HandlersOptions): void {
		const asked = (what: string): void => void this.asked.push(what);
		const scene = this;
		const owner = {
			host, id: ID, firmware: { product: "lock", version: "1.2.3" }, boot: this.device.boots, connections: 2, partitions: ["log"],
			levels: (): JSONObject => ({ "": "info" }),
			record: (duration: number) => asked(`record ${duration}`),
			setLevel: (module: string, level: string, duration: number) => {
				if (level === "loud") throw new DeviceError("argument", `there is no level "${level}"`);
				if (module === "silent") throw new DeviceError("unsupported", "no log");
				if (module === "broken") throw new DeviceError("storage", "no flash");
				asked(`level ${module} ${level} ${duration}`);
			},
			send: (kinds: readonly ReportKind[]) => asked(`send ${kinds.join(" ")}`),
			flush: () => {},
			hazard: (action: string) => this.hazard && `${this.hazard} ${action}`,
			revert: () => asked("revert"),
			selfTest: () => scene.test(),
			onError: (error: DeviceError) => void this.errors.push(error.code),
		};
		const handlers = this.handlers = new Handlers(owner, options);
		const commands = this.#commands = new Commands({
			onTurn: () => this.#turn(),
			onCommand: (command) => {
				if (!handlers.onCommand(command)) command.reject("UNKNOWN_COMMAND");
			},
			onCommandResumed: (command) => handlers.onCommandResumed(command),
			onCommandCanceled: (command) => void handlers.onCommandCanceled(command),
		}, { members: handlers.names, spare: FOREIGN_MAXIMUM, host: this.#remembers ? host : undefined });
		this.#alarm = new Alarm(host, {
			expire: () => {
				commands.expire(host.time.now());
				this.#turn();
			},
		});
		commands.connected({
			respond: ({ id, status, reason, description, result }) => {
				this.answers[id] = { status, reason, description, result };
				host.timer.set(() => {
					commands.accepted(id);
					this.#turn();
				}, 50);
				return true;
			},
			part: ({ id }, offset, bytes) => {
				const { byteLength } = bytes;
				this.replied += byteLength;
				host.timer.set(() => {
					commands.received(id, offset, offset + byteLength);
					this.#turn();
				}, 50);
				return true;
			},
		});
		this.#turn();
	}

	#turn(): void {
		this.#alarm.set(this.#commands.deadline);
	}
}
