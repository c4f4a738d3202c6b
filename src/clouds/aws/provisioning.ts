// SPDX-License-Identifier: Apache-2.0
/**
 * AWS IoT fleet provisioning by claim: from a certificate that is good for this alone to one of the thing's own.
 *
 * | topic, each with the format behind it              | message                                              |
 * |----------------------------------------------------|------------------------------------------------------|
 * | `$aws/certificates/create`                         | `{}`                                                 |
 * | `$aws/certificates/create-from-csr`                | `{"certificateSigningRequest":PEM}`                  |
 * | …`/accepted`, of both                              | `{"certificatePem","privateKey"?,"certificateOwner…"}` |
 * | `$aws/provisioning-templates/<template>/provision` | `{"certificateOwnershipToken","parameters"}`         |
 * | …`/accepted`                                       | `{"thingName","deviceConfiguration"}`                |
 * | …`/rejected`, of all                               | `{"statusCode","errorCode","errorMessage"}`          |
 *
 * There are no tokens, and answers go to whoever subscribed with this client id: one request at a time.
 */
import { isObject, type JSONObject } from "../../bytes/value.js";
import { Vocabulary } from "../../bytes/vocabulary.js";
import type { CBORObject } from "../../cbor/value.js";
import type { Provisioning, ProvisioningParameters, ProvisioningPort } from "../../identity/provisioning.js";
import { FOREIGN_MAXIMUM } from "../../base/service.js";
import type { MQTTConnection, Translation } from "../mqtt.js";
import { encodeMessage, type Format } from "../format.js";
import { decodeMessage } from "./messages.js";

const NAMES: readonly string[] = Object.freeze([
	"certificatePem", "privateKey", "certificateOwnershipToken", "thingName", "deviceConfiguration",
	"statusCode", "errorCode", "errorMessage",
]);
const CREATE = "$aws/certificates/create";
const CREATE_FROM_CSR = "$aws/certificates/create-from-csr";
const ACCEPTED = "/accepted";
const REJECTED = "/rejected";

export class AwsProvisioning implements Translation, ProvisioningPort {
	readonly filters: readonly string[];
	readonly #connection: MQTTConnection;
	readonly #format: Format;
	/** With the format, as all topics. */
	readonly #create: string;
	readonly #provision: string;
	readonly #provisioning: Provisioning;
	readonly #vocabulary = new Vocabulary(NAMES, FOREIGN_MAXIMUM);

	constructor(connection: MQTTConnection, template: string, format: Format, provisioning: Provisioning) {
		this.#connection = connection;
		this.#format = format;
		this.#provisioning = provisioning;
		const create = this.#create = `${provisioning.makesKey ? CREATE_FROM_CSR : CREATE}/${format}`;
		const provision = this.#provision = `$aws/provisioning-templates/${template}/provision/${format}`;
		this.filters = [create + ACCEPTED, create + REJECTED, provision + ACCEPTED, provision + REJECTED];
	}

	connected(): void {
		this.#provisioning.connected(this);
	}

	disconnected(): void {
		this.#provisioning.disconnected();
	}

	create(): boolean {
		return this.say(this.#create, {});
	}

	createFromCSR(csr: string): boolean {
		return this.say(this.#create, { certificateSigningRequest: csr });
	}

	register(ownershipToken: string, parameters: ProvisioningParameters): boolean {
		return this.say(this.#provision, { certificateOwnershipToken: ownershipToken, parameters: { ...parameters } });
	}

	receive(topic: string, bytes: Uint8Array, start: number, end: number): boolean {
		if (!this.filters.includes(topic)) return false;
		const { host } = this.#connection;
		const message = decodeMessage(host.text, this.#format, bytes, start, end, this.#vocabulary);
		const provisioning = this.#provisioning;
		if (topic.endsWith(REJECTED)) {
			const { statusCode, errorCode, errorMessage } = message;
			provisioning.rejected(Number(statusCode), String(errorCode), String(errorMessage), host.time.now());
		} else if (topic.startsWith(this.#create)) {
			const { certificatePem, privateKey, certificateOwnershipToken: ownershipToken } = message;
			provisioning.created({ certificatePem, privateKeyPem: privateKey, ownershipToken });
		} else {
			const { thingName, deviceConfiguration } = message;
			const configuration = isObject(deviceConfiguration) ? deviceConfiguration as JSONObject : undefined;
			provisioning.registered({ thingName, configuration });
		}
		return true;
	}

	private say(topic: string, message: CBORObject): boolean {
		return this.#connection.send(topic, encodeMessage(this.#connection.host.text, this.#format, message));
	}
}
