/** The parts of a text-to-image pipeline beside its U-Net, as diffusers' folders have them. */
package dev.atelier.pipeline;
