/** Programs of networks and their training steps, written from graphs in the form of a device. */
package dev.atelier.network;
