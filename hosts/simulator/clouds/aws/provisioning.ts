// SPDX-License-Identifier: Apache-2.0
/**
 * Fleet provisioning by claim: a device comes with a certificate that is only good for this, gets one of its own,
 * and becomes a thing by a template.
 *
 * Pure; who makes certificates is an argument, and answers when it is done.
 * A certificate is good for nothing until its owner has registered: who loses the answer to `create` loses nothing.
 */
import { DeviceError } from "../../../../src/base/error.js";
import { decode, encode, isFormat, type Format } from "../../services/formats.js";
import { Rejection, Request } from "./request.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";

export interface SignedCertificate {
	certificateId: string;
	certificatePem: string;
}

export interface IssuedCertificate extends SignedCertificate {
	privateKeyPem: string;
}

/** Makes certificates; exactly one of the callbacks is called, at once or later. */
export interface CertificateIssuer {
	create(done: (issued: IssuedCertificate) => void, fail: (error: unknown) => void): void;
	/** @param fail gets a DeviceError `malformed`, `signature` or `unsupported` when the request is at fault */
	sign(csrPem: string, done: (signed: SignedCertificate) => void, fail: (error: unknown) => void): void;
	/** From now on the certificate is the thing's. */
	activate(certificateId: string, thingName: string): void;
}

export type Parameters = Readonly<Record<string, string>>;

/** What the hook before registration is asked. */
export interface Claim {
	templateName: string;
	certificateId: string;
	clientId: string;
	parameters: Parameters;
}

export interface ProvisioningTemplate {
	/** Those that a device must pass; it may pass no others. */
	parameters: readonly string[];
	thingName(parameters: Parameters): string;
	deviceConfiguration?: Parameters | undefined;
	/** The pre-provisioning hook: may refuse, and may replace parameters. */
	hook?: ((claim: Claim) => { allowProvisioning: boolean; parameterOverrides?: Parameters | undefined }) | undefined;
}

export interface ProvisioningOptions {
	issuer: CertificateIssuer;
	/** By name. */
	templates: Readonly<Record<string, ProvisioningTemplate>>;
	/** What nobody can guess. */
	newToken: () => string;
	/** Puts the thing and its certificate into the registry; a DeviceError is answered with `InternalFailure`. */
	onRegistered: (thingName: string, certificateId: string) => void;
	/** True: a token may be used again while it is valid, by one who lost the answer. The documentation says neither. */
	reusableTokens?: boolean | undefined;
	/** Ownership tokens that are valid; more requests for certificates are refused with `LimitExceeded`. */
	tokenCountMaximum?: number | undefined;
}

/** HTTP's status for each error code; beyond the second the codes are ours, as no list of them is published. */
const STATUS_CODES: Readonly<Record<string, number>> = Object.freeze({
	AccessDenied: 403, InvalidCertificateOwnershipToken: 400, InvalidParameters: 400, InvalidRequest: 400,
	InvalidCertificateSigningRequest: 400, ResourceNotFound: 404, LimitExceeded: 429, InternalFailure: 500,
});
/** ms for which an ownership token is valid. */
export const TOKEN_LIFETIME = 3_600_000;
const TOKEN_COUNT_MAXIMUM = 1000;
const CSR_MAXIMUM = 4096;
const TOKEN_MAXIMUM = 1024;
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
/** What an issuer says when the fault is the request's. */
const CSR_FAULTS: readonly string[] = Object.freeze(["malformed", "signature", "unsupported"]);

interface Unclaimed {
	certificateId: string;
	/** Monotonic ms. */
	expiresAt: number;
}

export class ProvisioningService implements AwsService {
	readonly #context: AwsContext;
	readonly #options: ProvisioningOptions;
	readonly #templates: ReadonlyMap<string, ProvisioningTemplate>;
	/** By ownership token, the oldest first: all live equally long. */
	readonly #tokens = new Map<string, Unclaimed>();
	/** Requests that the issuer works on. */
	#issuing = 0;

	constructor(context: AwsContext, options: ProvisioningOptions) {
		this.#context = context;
		this.#options = options;
		this.#templates = new Map(Object.entries(options.templates));
	}

	get deadline(): number {
		const [oldest] = this.#tokens.values();
		return oldest?.expiresAt ?? Infinity;
	}

	receive(message: AwsMessage): boolean {
		const { levels } = message, format = levels.at(-1);
		if (!isFormat(format)) return false;
		if (levels[1] === "certificates" && levels.length === 4 && (levels[2] === "create" || levels[2] === "create-from-csr")) {
			this.#answer(message, format, request => {
				if (levels[2] === "create") this.#create(message, format);
				else this.#sign(message, format, request);
			});
			return true;
		}
		if (levels[1] !== "provisioning-templates" || levels.length !== 5 || levels[3] !== "provision") return false;
		this.#answer(message, format, request => { this.#register(message, format, levels[2]!, request); });
		return true;
	}

	expire(now: number): void {
		for (const [token, { expiresAt }] of this.#tokens) {
			if (expiresAt > now) return;
			this.#tokens.delete(token);
		}
	}

	#create(message: AwsMessage, format: Format): void {
		this.#reserve();
		this.#options.issuer.create(({ certificateId, certificatePem, privateKeyPem }) => {
			const certificateOwnershipToken = this.#claimable(certificateId, message.now);
			this.#accept(message, format, { certificateId, certificatePem, privateKey: privateKeyPem, certificateOwnershipToken });
		}, error => { this.#fail(message, format, error); });
	}

	#sign(message: AwsMessage, format: Format, request: Request): void {
		const csr = request.text("certificateSigningRequest", CSR_MAXIMUM);
		if (csr === undefined || csr === "") throw request.wrong("certificateSigningRequest is missing");
		this.#reserve();
		this.#options.issuer.sign(csr, ({ certificateId, certificatePem }) => {
			const certificateOwnershipToken = this.#claimable(certificateId, message.now);
			this.#accept(message, format, { certificateOwnershipToken, certificateId, certificatePem });
		}, error => { this.#fail(message, format, error); });
	}

	#register(message: AwsMessage, format: Format, templateName: string, request: Request): void {
		this.expire(message.now);
		const token = request.text("certificateOwnershipToken", TOKEN_MAXIMUM), parameters = request.texts("parameters") ?? {};
		const template = this.#templates.get(templateName);
		if (template === undefined) throw new Rejection("ResourceNotFound", `There is no template ${templateName}`);
		const claim = token === undefined ? undefined : this.#tokens.get(token);
		if (token === undefined || claim === undefined) throw new Rejection("InvalidCertificateOwnershipToken", "The ownership token is not valid");
		const { certificateId } = claim, thingName = this.#nameThing(template, { templateName, certificateId, clientId: message.clientId, parameters });
		try {
			this.#options.onRegistered(thingName, certificateId);
		} catch (error) {
			if (error instanceof DeviceError) throw new Rejection("InternalFailure", "The thing could not be registered");
			throw error;
		}
		this.#options.issuer.activate(certificateId, thingName);
		if (this.#options.reusableTokens !== true) this.#tokens.delete(token);
		this.#accept(message, format, { deviceConfiguration: template.deviceConfiguration ?? {}, thingName });
	}

	#nameThing(template: ProvisioningTemplate, claim: Claim): string {
		const { parameters } = claim, missing = template.parameters.find(name => !Object.hasOwn(parameters, name));
		if (missing !== undefined) throw new Rejection("InvalidParameters", `The parameter ${missing} is missing`);
		const unknown = Object.keys(parameters).find(name => !template.parameters.includes(name));
		if (unknown !== undefined) throw new Rejection("InvalidParameters", "There is a parameter that the template has not");
		const { allowProvisioning, parameterOverrides } = template.hook?.(claim) ?? { allowProvisioning: true };
		if (!allowProvisioning) throw new Rejection("AccessDenied", "Access denied");
		const thingName = template.thingName({ ...parameters, ...parameterOverrides });
		if (!THING_NAME.test(thingName)) throw new Rejection("InvalidParameters", "The parameters make no name for a thing");
		return thingName;
	}

	#reserve(): void {
		if (this.#tokens.size + this.#issuing >= (this.#options.tokenCountMaximum ?? TOKEN_COUNT_MAXIMUM)) {
			throw new Rejection("LimitExceeded", "Too many certificates wait for their owners");
		}
		this.#issuing++;
	}

	/** @returns the token with which the certificate's owner may claim it */
	#claimable(certificateId: string, now: number): string {
		const token = this.#options.newToken();
		this.#issuing--;
		this.#tokens.set(token, { certificateId, expiresAt: now + TOKEN_LIFETIME });
		return token;
	}

	#fail(message: AwsMessage, format: Format, error: unknown): void {
		this.#issuing--;
		const isTheirs = error instanceof DeviceError && CSR_FAULTS.includes(error.code);
		this.#reject(message, format, isTheirs
			? new Rejection("InvalidCertificateSigningRequest", "The certificate signing request is not valid")
			: new Rejection("InternalFailure", "Internal failure"));
	}

	/** A payload of no bytes asks for what needs no members. */
	#answer(message: AwsMessage, format: Format, action: (request: Request) => void): void {
		try {
			action(new Request(message.payload.byteLength === 0 ? {} : decode(format, message.payload)));
		} catch (error) {
			const rejection = error instanceof SyntaxError ? new Rejection("InvalidRequest", `The payload is not ${format.toUpperCase()}`) : error;
			if (!(rejection instanceof Rejection)) throw error;
			this.#reject(message, format, rejection);
		}
	}

	#accept({ clientId, topic }: AwsMessage, format: Format, answer: object): void {
		this.#context.deliver(clientId, `${topic}/accepted`, encode(format, answer));
	}

	#reject({ clientId, topic }: AwsMessage, format: Format, { code, message }: Rejection): void {
		this.#context.deliver(clientId, `${topic}/rejected`, encode(format, { statusCode: STATUS_CODES[code], errorCode: code, errorMessage: message }));
	}
}
