/**
 * Looks into strangers' files before anything is run or unpacked: TorchScript, pickles, ZIP, NumPy
 * headers.
 */
package dev.atelier.untrusted;
