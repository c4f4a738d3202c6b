// SPDX-License-Identifier: Apache-2.0
/** The module `setup/moorline` of a build for esp32, which the SDK runs before the program. */
import { watchForCrash } from "moorline/dist/hosts/moddable/crash";
import { watch } from "moorline/dist/hosts/moddable/esp32/images";

export default function (done: () => void): void {
	watch();
	watchForCrash();
	done();
}
