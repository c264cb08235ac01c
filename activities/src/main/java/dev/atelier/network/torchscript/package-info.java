/** Writes TorchScript archives. */
package dev.atelier.network.torchscript;
