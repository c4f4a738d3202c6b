// SPDX-License-Identifier: Apache-2.0
/**
 * What two images promise. Each promise begins with an image that is confirmed, and leaves one.
 * `revert` ends a device, so each platform tests in its own way that it does.
 */
import assert from "node:assert/strict";
import type { FlashPartition, Host, Images } from "../../../src/host.js";
import { refuses, sameBytes, type Bench, type HostPromise } from "../bench.js";

function imagesOf(host: Host): Images {
	assert(host.images !== undefined, "the host has images");
	return host.images;
}

function make(bench: Bench, seed: number): Uint8Array {
	return bench.platform.images!.make(seed);
}

function withPartition<T>({ flash }: Host, path: string, action: (partition: FlashPartition) => T): T {
	const partition = flash.open({ path });
	try {
		return action(partition);
	} finally {
		partition.close();
	}
}

function read(host: Host, path: string, count?: number): Uint8Array {
	return withPartition(host, path, partition => {
		const bytes = new Uint8Array(count ?? partition.size);
		partition.read(bytes, 0);
		return bytes;
	});
}

function fill(host: Host, image: Uint8Array): void {
	withPartition(host, "nextota", partition => {
		partition.eraseBlock(0, partition.size / partition.blockLength);
		partition.write(image, 0);
	});
}

/** Installs and boots an image, which is on trial then. */
function tryImage(bench: Bench, image: Uint8Array): Host {
	fill(bench.host, image);
	imagesOf(bench.host).activate();
	const host = bench.platform.reboot();
	bench.defer(() => imagesOf(bench.platform.host).confirm());
	return host;
}

export const imagePromises: readonly HostPromise[] = [{
	name: "running and nextota are partitions of one size",
	run({ host }) {
		const sizes = ["running", "nextota"].map(path => withPartition(host, path, ({ size, blockLength }) => {
			assert(size > 0 && size % blockLength === 0);
			return size;
		}));
		assert.equal(sizes[0], sizes[1]);
	},
}, {
	name: "what runs is not on trial once it is confirmed, and confirming again is harmless",
	run(bench) {
		const images = imagesOf(bench.host);
		assert.equal(images.onTrial, false);
		images.confirm();
		assert.equal(images.onTrial, false);
	},
}, {
	name: "the image that runs is only read: changing it is refused with argument",
	run({ host }) {
		const before = read(host, "running");
		withPartition(host, "running", partition => {
			refuses("argument", () => partition.write(new Uint8Array(4), 0));
			refuses("argument", () => partition.eraseBlock(0));
			partition.close();
			refuses("state", () => partition.read(new Uint8Array(1), 0));
		});
		sameBytes(read(host, "running"), before);
	},
}, {
	name: "the boot loader's own partitions are none of the program's",
	run({ host }) {
		for (const path of ["ota_0", "ota_1", "otadata"]) refuses("argument", () => host.flash.open({ path }), path);
	},
}, {
	name: "what is no whole image is refused with corrupt, and nothing is changed",
	run(bench) {
		const { host } = bench, good = make(bench, 1), spoilt = good.slice();
		spoilt[5_000]! ^= 1;
		const before = read(host, "running");
		for (const image of [new Uint8Array(0), new Uint8Array(100), good.subarray(0, -1), good.subarray(1), spoilt]) {
			fill(host, image);
			const next = read(host, "nextota");
			refuses("corrupt", () => imagesOf(host).activate());
			sameBytes(read(host, "nextota"), next);
		}
		const after = bench.platform.reboot();
		sameBytes(read(after, "running"), before);
		assert.equal(imagesOf(after).onTrial, false);
	},
}, {
	name: "an image that is activated runs after the next reset, and not before",
	run(bench) {
		const { host } = bench, image = make(bench, 2), before = read(host, "running");
		fill(host, image);
		imagesOf(host).activate();
		assert.equal(imagesOf(host).onTrial, false);
		assert.equal(imagesOf(host).canRevert, false, "what waits in the other slot was never confirmed");
		sameBytes(read(host, "running"), before);
		const after = bench.platform.reboot();
		bench.defer(() => imagesOf(bench.platform.host).confirm());
		sameBytes(read(after, "running", image.byteLength), image);
		assert.equal(imagesOf(after).onTrial, true);
		assert.equal(imagesOf(after).canRevert, true);
		sameBytes(read(after, "nextota"), before);
	},
}, {
	name: "activating twice is activating once",
	run(bench) {
		const { host } = bench, image = make(bench, 3);
		fill(host, image);
		imagesOf(host).activate();
		imagesOf(host).activate();
		const after = bench.platform.reboot();
		bench.defer(() => imagesOf(bench.platform.host).confirm());
		sameBytes(read(after, "running", image.byteLength), image);
		assert.equal(imagesOf(after).onTrial, true);
	},
}, {
	name: "an image that is confirmed stays, and the one before can be reverted to",
	run(bench) {
		const image = make(bench, 4), images = imagesOf(tryImage(bench, image));
		images.confirm();
		images.confirm();
		assert.equal(images.onTrial, false);
		for (let reset = 0; reset < 2; reset++) {
			const after = bench.platform.reboot();
			sameBytes(read(after, "running", image.byteLength), image);
			assert.deepEqual([imagesOf(after).onTrial, imagesOf(after).canRevert], [false, true]);
		}
	},
}, {
	name: "an image that is not confirmed has one boot, and then the one before runs for good",
	run(bench) {
		const before = read(bench.host, "running"), image = make(bench, 5);
		tryImage(bench, image);
		for (let reset = 0; reset < 2; reset++) {
			const after = bench.platform.reboot();
			sameBytes(read(after, "running"), before);
			assert.deepEqual([imagesOf(after).onTrial, imagesOf(after).canRevert], [false, false]);
			refuses("state", () => imagesOf(after).revert());
			sameBytes(read(after, "nextota", image.byteLength), image);
		}
	},
}, {
	name: "the same image may be tried again",
	run(bench) {
		const image = make(bench, 6);
		tryImage(bench, image);
		imagesOf(bench.platform.reboot()).activate();
		const after = bench.platform.reboot();
		sameBytes(read(after, "running", image.byteLength), image);
		assert.equal(imagesOf(after).onTrial, true);
	},
}, {
	name: "while on trial the image before is only read: changing nextota and activating are refused with state",
	run(bench) {
		const host = tryImage(bench, make(bench, 7)), before = read(host, "nextota");
		withPartition(host, "nextota", partition => {
			refuses("state", () => partition.write(new Uint8Array(4), 0));
			refuses("state", () => partition.eraseBlock(0));
			refuses("state", () => imagesOf(host).activate());
			sameBytes(read(host, "nextota"), before);
			imagesOf(host).confirm();
			partition.eraseBlock(0);
		});
	},
}, {
	name: "whatever is written to nextota was never confirmed: it cannot be reverted to",
	run(bench) {
		const host = tryImage(bench, make(bench, 8)), images = imagesOf(host);
		images.confirm();
		assert.equal(images.canRevert, true);
		withPartition(host, "nextota", partition => partition.eraseBlock(partition.size / partition.blockLength - 1));
		assert.equal(images.canRevert, false);
		refuses("state", () => images.revert());
		assert.equal(imagesOf(bench.platform.reboot()).canRevert, false);
	},
}];
