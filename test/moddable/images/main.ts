// SPDX-License-Identifier: Apache-2.0
/** A device with two images, over several boots: each does one thing and says what it sees. The plan is in run.ts. */
import host from "moorline/host";
import type { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition, Images } from "../../../src/host.js";

const PIECE = 65_536;

function open(path: string): FlashPartition {
	return host.flash.open({ path });
}

function codeOf(action: () => void): string {
	try {
		action();
	} catch (error) {
		return (error as DeviceError).code;
	}
	return "done";
}

function erase(path: string): void {
	const partition = open(path);
	partition.eraseBlock(0, partition.size / partition.blockLength);
	partition.close();
}

/** The image that runs is the only one at hand. */
function install(): void {
	erase("nextota");
	const from = open("running"), to = open("nextota"), bytes = new Uint8Array(PIECE);
	for (let offset = 0; offset < from.size; offset += PIECE) {
		from.read(bytes, offset);
		to.write(bytes, offset);
	}
	from.close();
	to.close();
}

function tell(images: Images, what: string): void {
	host.trace(`boot ${step}: ${what}; ${images.onTrial ? "on trial" : "confirmed"}, ${images.canRevert ? "can" : "cannot"} revert`);
}

const domain = host.storage.open({ path: "images" });
const step = (domain.read("step")?.[0] ?? 0) + 1;
domain.write("step", Uint8Array.of(step));

function boot(images: Images): void {
	switch (step) {
		case 1:
		case 3:
			tell(images, `running is ${codeOf(() => erase("running"))}, ota_1 is ${codeOf(() => open("ota_1"))}, nextota is ${codeOf(() => images.activate())}`);
			install();
			tell(images, `a whole image is ${codeOf(() => images.activate())}`);
			break;
		case 2:
			tell(images, `nextota is ${codeOf(() => erase("nextota"))}, to activate is ${codeOf(() => images.activate())}`);
			break;
		case 4:
			tell(images, "as it booted");
			images.confirm();
			images.confirm();
			tell(images, "confirmed twice");
			images.revert();
			break;
		default:
			tell(images, `to revert is ${codeOf(() => images.revert())}`);
			host.trace("images done");
			return;
	}
	host.system.restart();
}

host.timer.set(() => boot(host.images!), 0);
