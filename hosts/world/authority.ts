// SPDX-License-Identifier: Apache-2.0
/**
 * Issues certificates of the world, good ones and, on demand, every kind of bad one.
 *
 * The flaws are those that any client must refuse, so that one table drives the test of them all.
 */
import type { Clock } from "./clock.js";
import { encodeCertificate, keyIdOf, sign, type Certificate } from "./certificate.js";
import { DEFAULT_WALL } from "./clock.js";
import type { Random } from "./random.js";

const DAY = 86_400_000, KEY_LENGTH = 32;
/** Validity without other wish: from a day ago, for ten years. */
const VALIDITY = 3650 * DAY;

/** What can be wrong with a certificate or with the chain that it comes in. */
export type Flaw =
	| "expired" | "not-yet-valid" | "wrong-host" | "self-signed"
	/** Issued by somebody else of the same name. */
	| "foreign"
	/** The intermediate in the chain has the right name, but did not sign the leaf. */
	| "broken-link"
	/** A field was altered after signing. */
	| "altered";

export const FLAWS: readonly Flaw[] = Object.freeze(["expired", "not-yet-valid", "wrong-host", "self-signed", "foreign", "broken-link", "altered"] as const);

export interface IssueOptions {
	/** Common name; for a device, its id. */
	subject: string;
	/** DNS names and IP addresses; default: the subject. */
	names?: readonly string[] | undefined;
	/** Wall clock ms. */
	notBefore?: number | undefined;
	notAfter?: number | undefined;
	flaw?: Flaw | undefined;
}

export interface Credentials {
	/** Leaf first, without the anchor: for `clientCertificates` and for listening. */
	certificates: Uint8Array[];
	key: Uint8Array;
}

export class Authority {
	/** The trust anchor, or for an intermediate its own certificate. */
	readonly certificate: Uint8Array;
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #own: Certificate;
	/** What follows a leaf in its chain. */
	readonly #links: readonly Uint8Array[];

	constructor(clock: Clock, random: Random, name: string, parent?: Authority) {
		this.#clock = clock;
		this.#random = random;
		const keyId = keyIdOf(this.#makeKey()), { notBefore, notAfter } = this.#validity();
		const signer = parent === undefined ? { subject: name, keyId } : parent.#own;
		this.#own = sign({ subject: name, names: [], issuer: signer.subject, keyId, notBefore, notAfter, ca: true, signer: signer.keyId });
		this.certificate = encodeCertificate(this.#own);
		this.#links = parent === undefined ? [] : [this.certificate, ...parent.#links];
	}

	/** An authority that this one vouches for. Two with the same name still have different keys. */
	intermediate(name: string): Authority {
		return new Authority(this.#clock, this.#random, name, this);
	}

	issue(options: IssueOptions): Credentials {
		switch (options.flaw) {
		case undefined: return this.#issue(options);
		case "expired": return this.#issue({ ...options, notBefore: this.#wall() - 2 * DAY, notAfter: this.#wall() - DAY });
		case "not-yet-valid": return this.#issue({ ...options, notBefore: this.#wall() + DAY });
		case "wrong-host": return this.#issue({ ...options, names: ["elsewhere.invalid"] });
		case "foreign": return new Authority(this.#clock, this.#random, this.#own.subject).#issue(options);
		case "self-signed": {
			const key = this.#makeKey(), keyId = keyIdOf(key), { subject, names = [subject] } = options;
			return { key, certificates: [encodeCertificate(sign({ subject, names, issuer: subject, keyId, ...this.#validity(), ca: false, signer: keyId }))] };
		}
		case "broken-link": {
			const { certificates, key } = this.intermediate("intermediate").#issue(options);
			return { key, certificates: [certificates[0]!, this.intermediate("intermediate").certificate] };
		}
		case "altered": {
			const key = this.#makeKey(), good = this.#leaf(options, keyIdOf(key));
			return { key, certificates: [encodeCertificate({ ...good, notAfter: good.notAfter + DAY }), ...this.#links] };
		}
		}
	}

	#issue(options: IssueOptions): Credentials {
		const key = this.#makeKey();
		return { key, certificates: [encodeCertificate(this.#leaf(options, keyIdOf(key))), ...this.#links] };
	}

	#leaf(options: IssueOptions, keyId: string): Certificate {
		const { subject, names = [subject] } = options, own = this.#own, validity = this.#validity();
		const { notBefore = validity.notBefore, notAfter = validity.notAfter } = options;
		return sign({ subject, names, issuer: own.subject, keyId, notBefore, notAfter, ca: false, signer: own.keyId });
	}

	#makeKey(): Uint8Array {
		const key = new Uint8Array(KEY_LENGTH);
		this.#random.fill(key);
		return key;
	}

	#validity(): { notBefore: number; notAfter: number } {
		return { notBefore: this.#wall() - DAY, notAfter: this.#wall() + VALIDITY };
	}

	/** An authority knows the date even where devices do not. */
	#wall(): number {
		return this.#clock.wall ?? DEFAULT_WALL + this.#clock.now;
	}
}
