/** Tensors in the memory of Java, and the safetensors files that hold them. */
package dev.atelier.network.tensors;
