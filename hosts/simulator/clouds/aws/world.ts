// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS IoT Core inside the seeded world. */
import type { Origin } from "../../broker/client.js";
import type { DeviceIdentity } from "../../identity.js";
import type { WorldLike, WorldPlaceOptions } from "../../in-world.js";
import { CloudInWorld, wallOf } from "../../in-world.js";
import type { Authority } from "../../../world/authority.js";
import { decodeCertificate } from "../../../world/certificate.js";
import type { ReportService } from "../../services/reports.js";
import type { OtaUpdates } from "../../services/updates.js";
import type { AwsOptions } from "./backend.js";
import { AwsBackend } from "./backend.js";
import type { GateOptions } from "./gate.js";
import { AWS_PROTOCOLS, awsGate, speaksMqtt } from "./gate.js";
import { ModelledCertificates } from "./modelled.js";
import type { AwsContext } from "./service.js";
import type { AwsServices } from "./services.js";
import type { AwsShadows } from "./shadow.js";

export interface AwsWorldCloudOptions extends WorldPlaceOptions, AwsOptions, GateOptions {
	/** Port like AWS's 443, on TLS: MQTT with certificates or for the custom authorizer, and WebSocket, told apart by ALPN; absent: none. */
	alpnPort?: number | undefined;
}

/** Its authority also certifies keys that devices made. */
export type AwsWorldLike = WorldLike & { readonly authority: Authority };

/** As long as the tokens of AWS are: devices must have room for one. Nobody guesses in the world. */
const TOKEN_LENGTH = 480;

export class AwsWorldCloud extends CloudInWorld<AwsBackend> {
	/** Begins to serve at once. */
	constructor(world: AwsWorldLike, options: AwsWorldCloudOptions = {}) {
		const { alpnPort } = options;
		let tokens = 0;
		super(world, new AwsBackend({
			...options, wall: wallOf(world), now: () => world.clock.now, issuer: new ModelledCertificates(world.authority),
			newToken: () => `token-${++tokens}-`.padEnd(TOKEN_LENGTH, "x"),
		}), options, tls => {
			if (!tls || alpnPort === undefined) return [];
			const protocols = Object.keys(AWS_PROTOCOLS);
			return [{ port: alpnPort, tls: { ...tls, clientOptional: true, protocols }, webSocket: ({ protocol }: Origin) => !speaksMqtt(protocol) }];
		}, awsGate(options));
	}

	get shadows(): AwsShadows { return this.backend.shadows; }
	/** Jobs, streams, commands, Device Defender, Basic Ingest. */
	get services(): AwsServices { return this.backend.services; }
	get reports(): ReportService { return this.backend.reports; }
	/** New firmware, and the way back. */
	get updates(): OtaUpdates { return this.backend.updates; }
	/** What services have of the cloud. */
	get context(): AwsContext { return this.backend.context; }

	/** Makes a claim: a certificate that is good for provisioning, and for nothing else. `id` is only its name. */
	manufactureClaim(id: string): DeviceIdentity {
		const identity = this.issue(id);
		this.backend.registerClaim(fingerprintOf(identity));
		return identity;
	}

	protected override register(identity: DeviceIdentity): void {
		this.registry.register(identity.id, fingerprintOf(identity));
	}
}

/** In the world the key's identifier stands for the certificate's digest. */
function fingerprintOf({ certificate }: DeviceIdentity): string {
	return decodeCertificate(certificate).keyId;
}
