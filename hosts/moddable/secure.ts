// SPDX-License-Identifier: Apache-2.0
/** The checks of the options of a TLS stream: whom to trust, and who we are. */
import { DeviceError } from "../../src/base/error.js";
import type { SecureOptions } from "../../src/host.js";
import { DER, hex, isEqual, Tag } from "./der.js";
import { Certificate } from "./x509.js";

const RSA_ENCRYPTION = "2a864886f70d010101";

export function checkSecure(host: string, secure: SecureOptions): void {
	if (typeof secure !== "object") throw new DeviceError("argument", "TLS needs to know whom to trust");
	if (typeof host !== "string" || host.length === 0) throw new DeviceError("argument", "TLS needs the host name to check");
	const { certificates, clientCertificates = [], clientKey, applicationLayerProtocolNegotiation = [] } = secure;
	if (!Array.isArray(certificates) || certificates.length === 0) throw new DeviceError("argument", "TLS needs at least one trust anchor");
	for (const protocol of applicationLayerProtocolNegotiation) {
		if (typeof protocol !== "string" || protocol.length === 0 || protocol.length > 255) {
			throw new DeviceError("argument", "a protocol name for ALPN must have 1-255 characters");
		}
	}
	if (!attempt(() => certificates.map(bytes => new Certificate(bytes)))) throw new DeviceError("argument", "an anchor is no certificate");
	if (clientCertificates.length > 0) checkClient(clientCertificates, clientKey);
}

/** A key that is not the certificate's would fail in each handshake, in a way that says nothing. */
function checkClient(certificates: readonly Uint8Array[], key: Uint8Array | undefined): void {
	const chain = attempt(() => certificates.map(bytes => new Certificate(bytes)));
	const pair = attempt(() => decodePrivateKey(key!));
	if (chain === undefined || pair === undefined) throw new DeviceError("argument", "the client's certificate or key cannot be decoded");
	if (pair.algorithm !== RSA_ENCRYPTION) throw new DeviceError("unsupported", "the client's key is not an RSA key");
	const modulus = attempt(() => {
		const info = new DER(chain[0]!.key).enter(Tag.SEQUENCE);
		info.value(Tag.SEQUENCE);
		return new DER(info.bits()).enter(Tag.SEQUENCE).unsigned();
	});
	if (modulus === undefined || !isEqual(modulus, pair.modulus)) {
		throw new DeviceError("argument", "the client's key does not belong to its certificate");
	}
}

/** RFC 5208 §5, RFC 8017 §A.1.2. The modulus is empty for what is no RSA key. */
function decodePrivateKey(bytes: Uint8Array): { algorithm: string; modulus: Uint8Array } {
	const fields = new DER(bytes).enter(Tag.SEQUENCE);
	fields.value(Tag.INTEGER);
	const algorithm = hex(fields.enter(Tag.SEQUENCE).content(Tag.OBJECT_IDENTIFIER));
	const key = new DER(fields.content(Tag.OCTET_STRING));
	if (algorithm !== RSA_ENCRYPTION) return { algorithm, modulus: new Uint8Array(0) };
	const numbers = key.enter(Tag.SEQUENCE);
	numbers.value(Tag.INTEGER);
	return { algorithm, modulus: numbers.unsigned() };
}

function attempt<T>(action: () => T): T | undefined {
	try {
		return action();
	} catch {
		return undefined;
	}
}
