// SPDX-License-Identifier: Apache-2.0
/**
 * Issues certificates of the world, good ones and, on demand, every kind of bad one.
 *
 * The flaws are those that any client must refuse, so that one table drives the test of them all.
 */
import { decodeCertificate, encodeCertificate, keyIdOf, sign, type Certificate, type CertificateFields } from "./certificate.js";
import { DEFAULT_WALL, type Clock } from "./clock.js";
import type { Random } from "./random.js";

const DAY = 86_400_000, KEY_LENGTH = 32;
/** Validity without other wish: from a day ago, for ten years. */
const VALIDITY = 3650 * DAY;

/** What can be wrong with a server's certificate, or with the chain that it comes in. */
export const FLAWS = Object.freeze([
	"expired", "notYetValid", "wrongHost",
	/** Signed by nobody but itself. */
	"selfSigned",
	/** Issued by somebody else of the same name. */
	"foreign",
	/** The issuer in the chain has the right name, but another key than the one that signed. */
	"unlinked",
	/** What follows the leaf has nothing to do with it. */
	"unrelated",
	/** The issuer is an ordinary certificate, no authority. */
	"issuerIsNoAuthority",
	"expiredIssuer",
	/** A field was altered after signing. */
	"tampered",
	/** Made for devices, not for servers. */
	"clientOnly",
] as const);

export type Flaw = typeof FLAWS[number];

export interface IssueOptions {
	/** Common name; for a device, its id. */
	subject: string;
	/** DNS names and IP addresses; default: the subject. */
	names?: readonly string[] | undefined;
	/** Wall clock ms. */
	notBefore?: number | undefined;
	notAfter?: number | undefined;
	/** What it may be used for; default: both. */
	use?: CertificateFields["use"];
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
	readonly #key: Uint8Array;
	readonly #own: Certificate;
	/** What follows a leaf in its chain. */
	readonly #links: readonly Uint8Array[];

	/** @param changes what its own certificate says otherwise than an authority's should */
	constructor(clock: Clock, random: Random, name: string, parent?: Authority, changes?: Partial<CertificateFields>) {
		this.#clock = clock;
		this.#random = random;
		this.#key = this.#makeKey();
		const keyId = keyIdOf(this.#key), signer = parent === undefined ? { subject: name, keyId } : parent.#own;
		this.#own = sign({
			subject: name, names: [], issuer: signer.subject, keyId, ...this.#validity(), ca: true, use: "any", signer: signer.keyId, ...changes,
		});
		this.certificate = encodeCertificate(this.#own);
		this.#links = parent === undefined ? [] : [this.certificate, ...parent.#links];
	}

	/** An authority that this one vouches for. Two with the same name still have different keys. */
	intermediate(name: string): Authority {
		return this.#vouchFor(name);
	}

	issue(options: IssueOptions): Credentials {
		const now = this.#wall();
		switch (options.flaw) {
		case undefined: return this.#issue(options);
		case "expired": return this.#issue({ ...options, notBefore: now - 2 * DAY, notAfter: now - DAY });
		case "notYetValid": return this.#issue({ ...options, notBefore: now + DAY });
		case "wrongHost": return this.#issue({ ...options, names: ["elsewhere.invalid"] });
		case "clientOnly": return this.#issue({ ...options, use: "client" });
		case "foreign": return new Authority(this.#clock, this.#random, this.#own.subject).#issue(options);
		case "expiredIssuer": return this.#vouchFor("intermediate", { notBefore: now - 2 * DAY, notAfter: now - DAY }).#issue(options);
		case "issuerIsNoAuthority": return this.#vouchFor("intermediate", { ca: false }).#issue(options);
		case "unlinked": return this.#misled(options, "intermediate");
		case "unrelated": return this.#misled(options, "unrelated");
		case "selfSigned": {
			const own = new Authority(this.#clock, this.#random, options.subject, undefined, { names: options.names ?? [options.subject], ca: false });
			return { certificates: [own.certificate], key: own.#key };
		}
		case "tampered": {
			const { certificates, key } = this.#issue(options), good = decodeCertificate(certificates[0]!);
			return { certificates: [encodeCertificate({ ...good, notAfter: good.notAfter + DAY }), ...this.#links], key };
		}
		}
	}

	/** A certificate for a key that its owner made, by the key's identifier: what `openCSR` tells. Leaf first, without the anchor. */
	certify(keyId: string, options: Omit<IssueOptions, "flaw">): Uint8Array[] {
		const { subject, names = [subject], use = "any" } = options, own = this.#own, validity = this.#validity();
		const { notBefore = validity.notBefore, notAfter = validity.notAfter } = options;
		const leaf = sign({ subject, names, issuer: own.subject, keyId, notBefore, notAfter, ca: false, use, signer: own.keyId });
		return [encodeCertificate(leaf), ...this.#links];
	}

	#vouchFor(name: string, changes?: Partial<CertificateFields>): Authority {
		return new Authority(this.#clock, this.#random, name, this, changes);
	}

	/** A leaf of one intermediate, followed by another one called `name`. */
	#misled(options: IssueOptions, name: string): Credentials {
		const { certificates, key } = this.intermediate("intermediate").#issue(options);
		return { certificates: [certificates[0]!, this.intermediate(name).certificate], key };
	}

	#issue(options: IssueOptions): Credentials {
		const key = this.#makeKey();
		return { certificates: this.certify(keyIdOf(key), options), key };
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
