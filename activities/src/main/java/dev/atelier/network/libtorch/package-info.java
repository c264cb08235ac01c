/** Runs TorchScript archives on libtorch. */
package dev.atelier.network.libtorch;
