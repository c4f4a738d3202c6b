// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/platform` of a build for esp32. */
export { default } from "moorline/dist/hosts/moddable/esp32/platform";
