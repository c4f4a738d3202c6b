// SPDX-License-Identifier: Apache-2.0
/**
 * From a claim to a certificate of one's own: how a device that comes from the factory with a credential good for this
 * alone gets the one that it works with.
 *
 * 1. The cloud makes a key and a certificate; or the device makes the key, which never leaves it, and a request.
 * 2. Key, certificate and the token that proves them ours are kept, as the candidate of the credentials.
 * 3. The device is registered with the token, and told its name. The candidate gets the name and is put in force.
 *
 * Whenever the power fails, the next boot goes on from what is kept: with 3, where 2 was done. A token that is not
 * taken any more begins anew. What the cloud refuses is told and tried again, with delays that grow to ten minutes.
 *
 * The key is made once the device is connected: before that the radio, and with it the noise that an ESP32 draws its
 * random numbers from, may be off.
 *
 * Knows no topics and no formats; a cloud translates between `ProvisioningPort` and its messages. One request is under
 * way at a time, and answers have no token: none is needed to tell them apart.
 */
import { backoffDelay, REFUSED } from "../base/backoff.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import { randomWord } from "../bytes/random.js";
import type { JSONObject } from "../bytes/value.js";
import type { Host, KeyType } from "../host.js";
import { Service } from "../base/service.js";
import { CredentialStore, type Credentials } from "./credentials.js";
import { createCSR, type Subject } from "./csr.js";
import { decodeClaim, encodeClaim, isRegistered, registeredNote, type Claim } from "./claim.js";
import { CERTIFICATE, CERTIFICATE_REQUEST, decodePEM, decodePrivateKey, encodePEM } from "./pem.js";

/** What the program tells the cloud of this device, as its template wants it. */
export type ProvisioningParameters = Readonly<Record<string, string>>;

/** What provisioning asks of a cloud. False: no room now, ask again later; what throws cannot be said. */
export interface ProvisioningPort {
	/** Asks for a key and its certificate. */
	create(): boolean;
	/** Asks for a certificate for the key of a request (PKCS #10, PEM). */
	createFromCSR(csr: string): boolean;
	register(ownershipToken: string, parameters: ProvisioningParameters): boolean;
}

export interface ProvisioningOptions {
	/** Of the key that the device makes. Absent: the cloud makes the key. */
	keyType?: KeyType | undefined;
	/** Of the request. Default: the name that the device has now. */
	subject?: Subject | undefined;
	/** Default: none. */
	parameters?: ProvisioningParameters | undefined;
}

/** All but `onTurn` are run from `expire`. */
export interface ProvisioningCallbacks {
	/** From the event loop: `deadline` moved without a call. */
	onTurn(): void;
	/** The credential is in force: from the next connection on. */
	onProvisioned(credentials: Credentials): void;
	/**
	 * What the cloud has prepared for this device. Before `onProvisioned` and before anything is kept of it: where the
	 * power fails meanwhile, it may come again.
	 */
	onConfiguration?: ((configuration: JSONObject) => void) | undefined;
	/** Refused, malformed or not to be kept; it goes on as far as it can. */
	onError?: ((error: DeviceError) => void) | undefined;
}

/** The cloud's answer to `create` and `createFromCSR`: nothing about it is known to be right. */
export interface CreatedAnswer {
	readonly certificatePem: unknown;
	/** PKCS#8 or PKCS#1. Not looked at when the device made its key. */
	readonly privateKeyPem?: unknown;
	readonly ownershipToken: unknown;
}

/** The cloud's answer to `register`. */
export interface RegisteredAnswer {
	readonly thingName: unknown;
	readonly configuration?: JSONObject | undefined;
}

/** The steps, by what is done next. */
const Phase = Object.freeze({
	/** Get a certificate. */
	CREATE: 0,
	/** The platform makes a key or a signature. */
	WORK: 1,
	/** Keep what was created. */
	KEEP: 2,
	REGISTER: 3,
	/** Put the candidate in force. */
	CONFIRM: 4,
	DONE: 5,
	/** The program asked for what cannot be. */
	HALTED: 6,
});

/** What a cloud says of a token that it does not know, or no longer. */
const TOKEN_REFUSED = "InvalidCertificateOwnershipToken";
/** ms for which a token is good, unless the cloud forgets it before. */
export const TOKEN_LIFETIME = 3_600_000;

export class Provisioning extends Service<ProvisioningPort> {
	readonly #host: Host;
	readonly #options: ProvisioningOptions;
	readonly #callbacks: ProvisioningCallbacks;
	readonly #store: CredentialStore;
	#phase: number = Phase.CREATE;
	/** Of the device's own making, until the certificate is there. */
	#key: Uint8Array | undefined;
	#csr = "";
	/** Until it is kept. */
	#created: Credentials | undefined;
	#claim: Claim | undefined;
	/** The claim was kept before this boot: that it is not taken any more is no wonder. */
	#resumed = false;
	#thingName = "";
	#configuration: JSONObject | undefined;
	#fault: DeviceError | undefined;
	/** Monotonic ms before which nothing is tried again; `Infinity` when it may be now. */
	#pausedUntil = Infinity;
	#pause = 0;

	/** @throws DeviceError `storage` */
	constructor(host: Host, options: ProvisioningOptions, callbacks: ProvisioningCallbacks) {
		super();
		this.#host = host;
		this.#options = options;
		this.#callbacks = callbacks;
		this.#store = new CredentialStore(host);
		const note = this.#store.candidate()?.note;
		if (isRegistered(note)) this.#phase = Phase.CONFIRM;
		else this.#claim = decodeClaim(host.text, note);
		if (this.#claim !== undefined) {
			this.#phase = Phase.REGISTER;
			this.#resumed = true;
		}
		this.wake();
	}

	/** The device makes its key, and asks with a request; otherwise the cloud makes it. */
	get makesKey(): boolean {
		return this.#options.keyType !== undefined;
	}

	/** The credential that was asked for is in force. */
	get done(): boolean {
		return this.#phase === Phase.DONE;
	}

	override get deadline(): number {
		return Math.min(super.deadline, this.#pausedUntil);
	}

	override expire(now: number): void {
		if (now >= this.#pausedUntil) {
			this.#pausedUntil = Infinity;
			this.wake();
		}
		super.expire(now);
	}

	/** The cloud made a certificate. @throws DeviceError `malformed` */
	created({ certificatePem, privateKeyPem, ownershipToken }: CreatedAnswer): void {
		if (!this.asking || this.#phase !== Phase.CREATE) return;
		const chain = decodePEM(CERTIFICATE, checkText(certificatePem, "certificate"));
		const key = this.#key ?? decodePrivateKey(this.#host.text, checkText(privateKeyPem, "private key"));
		const token = checkText(ownershipToken, "ownership token");
		const wall = this.#host.time.wall();
		this.#claim = { token, expiry: wall === undefined ? 0 : wall + TOKEN_LIFETIME };
		this.#created = {
			id: "", endpoint: undefined, anchor: undefined, certificate: chain[0], intermediates: chain.slice(1), key,
		};
		this.#resumed = false;
		this.#phase = Phase.KEEP;
		this.answered();
	}

	/** The cloud registered the device. @throws DeviceError `malformed` */
	registered({ thingName, configuration }: RegisteredAnswer): void {
		if (!this.asking || this.#phase !== Phase.REGISTER) return;
		this.#thingName = checkText(thingName, "name");
		this.#configuration = configuration;
		this.#phase = Phase.CONFIRM;
		this.answered();
	}

	/** The cloud refused a request. */
	rejected(code: number, errorCode: string, message: string, now: number): void {
		if (!this.asking) return;
		this.answered();
		const again = this.#phase === Phase.REGISTER && errorCode === TOKEN_REFUSED;
		if (again) this.beginAnew();
		if (again && this.#resumed) return;
		this.#fault = new DeviceError("rejected", `provisioning refused: ${errorCode}: ${message}`, { detail: code });
		this.hold(now);
	}

	protected override tell(): void {
		const fault = this.#fault;
		this.#fault = undefined;
		if (fault !== undefined) this.#callbacks.onError?.(fault);
		if (this.#pausedUntil !== Infinity) return;
		if (this.#phase === Phase.KEEP) this.keep();
		else if (this.#phase === Phase.CONFIRM) this.confirm();
	}

	protected override ask(port: ProvisioningPort): boolean | undefined {
		if (this.#pausedUntil !== Infinity) return undefined;
		try {
			if (this.#phase === Phase.REGISTER) return this.register(port);
			if (this.#phase !== Phase.CREATE) return undefined;
			if (this.#options.keyType === undefined) return port.create();
			if (this.#csr !== "") return port.createFromCSR(this.#csr);
			this.makeKey(this.#options.keyType);
		} catch (error) {
			this.#phase = Phase.HALTED;
			this.fail(toDeviceError(error, "internal", "provisioning"));
		}
		return undefined;
	}

	/** What was asked is asked again. */
	protected override lost(): void {}

	private register(port: ProvisioningPort): boolean | undefined {
		const { token, expiry } = this.#claim!;
		const wall = this.#host.time.wall();
		if (expiry === 0 || wall === undefined || wall < expiry) {
			return port.register(token, this.#options.parameters ?? {});
		}
		this.beginAnew();
		this.wake();
		return undefined;
	}

	/** The candidate stays until another takes its place: it does no harm. */
	private beginAnew(): void {
		this.#phase = Phase.CREATE;
		this.#claim = undefined;
	}

	private makeKey(type: KeyType): void {
		this.#host.keys.generate({
			type,
			onKey: (key, publicKey) => this.makeRequest(type, key, publicKey),
			onError: (error) => this.failWork(error),
		});
		this.#phase = Phase.WORK;
	}

	private makeRequest(type: KeyType, key: Uint8Array, publicKey: Uint8Array): void {
		try {
			const subject = this.#options.subject ?? { commonName: this.#store.active().id };
			createCSR(this.#host, {
				type, key, publicKey, subject,
				onRequest: (request) => {
					this.#key = key;
					this.#csr = encodePEM(CERTIFICATE_REQUEST, request);
					this.#phase = Phase.CREATE;
					this.wake();
					this.#callbacks.onTurn();
				},
				onError: (error) => this.failWork(error),
			});
		} catch (error) {
			this.#phase = Phase.HALTED;
			this.fail(toDeviceError(error, "internal", "a request for a certificate"));
			this.#callbacks.onTurn();
		}
	}

	private failWork(error: DeviceError): void {
		this.#phase = Phase.CREATE;
		this.hold(this.#host.time.now());
		this.fail(error);
		this.#callbacks.onTurn();
	}

	/** Keeps the certificate, its key and the token before anything is done with them. */
	private keep(): void {
		try {
			this.#created!.id = this.#store.active().id;
			this.#store.stage(this.#created!, encodeClaim(this.#host.text, this.#claim!));
		} catch (error) {
			return this.failStorage(error);
		}
		this.#created = this.#key = undefined;
		this.#csr = "";
		this.#phase = Phase.REGISTER;
	}

	private confirm(): void {
		const configuration = this.#configuration;
		this.#configuration = undefined;
		if (configuration !== undefined) this.#callbacks.onConfiguration?.(configuration);
		let credentials: Credentials;
		try {
			if (this.#thingName !== "") this.#store.rename(this.#thingName, registeredNote());
			this.#store.confirm();
			credentials = this.#store.active();
		} catch (error) {
			return this.failStorage(error);
		}
		this.#phase = Phase.DONE;
		this.#callbacks.onProvisioned(credentials);
	}

	private failStorage(error: unknown): void {
		const fault = toDeviceError(error, "internal", "a credential cannot be kept");
		// Gone meanwhile, and no write will bring it back.
		if (fault.code === "state") this.beginAnew();
		this.hold(this.#host.time.now());
		this.fail(fault);
	}

	private fail(error: DeviceError): void {
		this.#fault = error;
		this.wake();
	}

	private hold(now: number): void {
		this.#pause = backoffDelay(REFUSED, this.#pause, randomWord(this.#host) / 2 ** 32);
		this.#pausedUntil = now + this.#pause;
	}
}

/** @throws DeviceError `malformed` */
function checkText(value: unknown, what: string): string {
	if (typeof value === "string" && value !== "") return value;
	throw new DeviceError("malformed", `provisioning answered without a ${what}`);
}
