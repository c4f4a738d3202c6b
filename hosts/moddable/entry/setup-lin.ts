// SPDX-License-Identifier: Apache-2.0
/** The module `setup/moorline` of a build for lin, which the simulator runs before the program. */
import { watchForCrash } from "moorline/dist/hosts/moddable/crash";

export default function (done: () => void): void {
	watchForCrash();
	done();
}
