// SPDX-License-Identifier: Apache-2.0
/** Verifies the signatures of a plan, ECDSA by the host and Ed25519 in JavaScript, and says how long each kind took. */
import { Point } from "@noble/ed25519";
import { ed25519 } from "moorline/ed25519";
import host from "moorline/host";

export interface Case { name: string; kind: "ES256" | "EdDSA"; key: string; message: string; signature: string }

/** ES2026, which XS has. */
const { fromHex } = Uint8Array as unknown as { fromHex(text: string): Uint8Array };

/** One at a time: the time that garbage takes depends on all that is alive. */
const domain = host.storage.open({ path: "signatures" });
const verifier = ed25519(Point);
/** ms and verifications by kind. */
const spent = { ES256: [0, 0], EdDSA: [0, 0] };

function bytesOf(hex: string): Uint8Array {
	return fromHex.call(Uint8Array, hex);
}

function read(index: number): Case | undefined {
	const bytes = domain.read(String(index));
	return bytes && JSON.parse(host.text.decode(bytes, 0, bytes.byteLength)) as Case;
}

function told(index: number, { name, kind }: Case, result: string, ms: number): void {
	host.trace(`case ${name} | ${result}`);
	spent[kind][0]! += ms;
	spent[kind][1]!++;
	host.timer.set(() => verify(index + 1), 0);
}

function verify(index: number): void {
	const next = read(index);
	if (next === undefined) {
		for (const [kind, [ms, count]] of Object.entries(spent)) host.trace(`took ${kind}: ${(ms! / count!).toFixed(1)} ms, of ${count}`);
		host.trace("signatures done");
		return;
	}
	const key = bytesOf(next.key), bytes = bytesOf(next.message), signature = bytesOf(next.signature), began = host.time.now();
	if (next.kind === "EdDSA") {
		const isValid = verifier.verify(signature, bytes, key, host.crypto.digest("SHA-512"));
		told(index, next, isValid ? "valid" : "invalid", host.time.now() - began);
		return;
	}
	host.keys.verify({
		key, bytes, signature,
		onVerified: isValid => told(index, next, isValid ? "valid" : "invalid", host.time.now() - began),
		onError: ({ code }) => told(index, next, code, host.time.now() - began),
	});
}

host.timer.set(() => verify(0), 0);
