// SPDX-License-Identifier: Apache-2.0
/** Provisioner: what its program is told, and when. `test/simulation/aws-claim.test.ts` has the whole way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import type { Cloud, Connection, ConnectionOptions } from "../../src/clouds/cloud.js";
import { CredentialStore } from "../../src/identity/credentials.js";
import { encodePEM } from "../../src/identity/pem.js";
import type { Provisioning, ProvisioningPort } from "../../src/identity/provisioning.js";
import { Provisioner } from "../../src/provisioner.js";
import { FakeHost } from "./fake-host.js";
import { codeOf } from "./failure.js";
import { fromHex } from "./hex.js";
import { utf8 } from "./wire.js";

const KEY = Uint8Array.of(0x30, 1, 2, 3);
const CERTIFICATE = Uint8Array.of(0x30, 9, 9, 9);

class Rig implements ProvisioningPort {
	readonly host = new FakeHost();
	readonly lines: string[];
	readonly provisioner: Provisioner;
	options!: ConnectionOptions;
	provisioning!: Provisioning;
	/** Thrown when provisioning is added. */
	refusal: Error | undefined;
	/** Set while the test is inside a call: no callback may come. */
	#calling = false;

	constructor(refusal?: Error, lines: string[] = []) {
		this.refusal = refusal;
		this.lines = lines;
		const bytes = (value: string): Uint8Array => fromHex(utf8(value));
		this.host.stored["identity"] = { id: bytes("claim"), certificate: bytes("c"), key: bytes("k") };
		const connection = {
			addProvisioning: (provisioning: Provisioning) => {
				if (this.refusal !== undefined) throw this.refusal;
				this.provisioning = provisioning;
			},
			close: () => this.lines.push("closed"),
		} as unknown as Connection;
		const cloud: Cloud = {
			connect: (options) => {
				this.options = options;
				return connection;
			},
		};
		const note = (line: string): void => {
			assert.ok(!this.#calling, `"${line}" came from inside a call`);
			this.lines.push(line);
		};
		this.provisioner = this.call(() => new Provisioner({
			host: this.host, cloud,
			onProvisioned: (id) => note(`provisioned ${id}`),
			onConfiguration: (configuration) => note(`configuration ${JSON.stringify(configuration)}`),
			onDisconnected: ({ code }, delay) => note(`disconnected ${code} ${delay}`),
			onError: ({ code }) => note(`error ${code}`),
		}));
	}

	create(): boolean { return this.lines.push("create") > 0; }
	createFromCSR(): boolean { return this.lines.push("csr") > 0; }
	register(token: string): boolean { return this.lines.push(`register ${token}`) > 0; }

	/** Something that the network does, and the device's turn after it. */
	call<Result>(action: () => Result): Result {
		this.#calling = true;
		try {
			return action();
		} finally {
			this.#calling = false;
		}
	}

	take(): string[] {
		this.host.advance(0);
		return this.lines.splice(0);
	}
}

test("Provisioner gets a credential and closes its connection before the program is told", () => {
	const rig = new Rig();
	assert.equal(rig.options.id, "claim");
	assert.deepEqual(rig.take(), []);
	rig.call(() => rig.provisioning.connected(rig));
	rig.call(() => rig.options.onTurn());
	assert.deepEqual(rig.take(), ["create"]);
	rig.call(() => {
		rig.provisioning.created({
			certificatePem: encodePEM("CERTIFICATE", CERTIFICATE), privateKeyPem: encodePEM("PRIVATE KEY", KEY), ownershipToken: "token",
		});
		rig.options.onTurn();
	});
	assert.deepEqual(rig.take(), ["register token"]);
	rig.call(() => {
		rig.provisioning.registered({ thingName: "lamp-7", configuration: { a: "1" } });
		rig.options.onTurn();
	});
	assert.deepEqual(rig.take(), [`configuration {"a":"1"}`, "closed", "provisioned lamp-7"]);
	assert.equal(new CredentialStore(rig.host).active().id, "lamp-7");
	rig.provisioner.close();
	rig.options.onLost(new DeviceError("closed", "late"), 1);
	rig.options.onFault(new DeviceError("malformed", "late"));
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.host.timers, 0);
});

test("Provisioner tells of losses and faults from turns of its own, and nothing after close", () => {
	const rig = new Rig();
	assert.deepEqual(rig.take(), []);
	rig.call(() => rig.options.onLost(new DeviceError("unreachable", "no way"), 1_234));
	assert.deepEqual(rig.take(), ["disconnected unreachable 1234"]);
	rig.call(() => rig.options.onFault(new DeviceError("malformed", "no JSON")));
	assert.deepEqual(rig.take(), ["error malformed"]);
	rig.call(() => rig.provisioning.connected(rig));
	rig.call(() => rig.options.onTurn());
	rig.take();
	rig.call(() => {
		rig.provisioning.rejected(403, "AccessDenied", "no", rig.host.clock);
		rig.options.onTurn();
	});
	assert.deepEqual(rig.take(), ["error rejected"]);
	rig.provisioner.close();
	rig.provisioner.close();
	assert.deepEqual(rig.take(), ["closed"]);
	rig.host.advance(10_000_000);
	assert.deepEqual(rig.take(), []);
});

test("Provisioner leaves nothing open where the cloud has no such thing", () => {
	const lines: string[] = [];
	assert.equal(codeOf(() => new Rig(new DeviceError("unsupported", "no provisioning"), lines)), "unsupported");
	assert.deepEqual(lines, ["closed"]);
});
