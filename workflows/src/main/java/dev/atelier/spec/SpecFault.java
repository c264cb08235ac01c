package dev.atelier.spec;

/**
 * One thing that is wrong with a spec.
 *
 * @param field path of the field, such as {@code students.network.multipliers[2]}; empty: the whole
 *     document
 * @param message a sentence that says what was expected and what was found
 */
public record SpecFault(String field, String message) {}
