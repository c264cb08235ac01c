/**
 * Networks as TorchScript that is written here and run by libtorch, and the files they come from
 * and go to.
 */
package dev.atelier.network;
