package dev.atelier.training;

import dev.atelier.spec.LossSpec;
import dev.atelier.spec.TimestepRange;
import java.nio.file.Path;

/**
 * What makes a training a student's.
 *
 * @param teacher TorchScript archive {@code (x [N, C, H, W], t [N]) -> eps}, frozen
 * @param range the timesteps the student owns
 * @param specificProbability p: the probability that a sample's t is drawn from {@code range} alone
 * @param loss weights of the two losses
 */
public record Distillation(
    Path teacher, TimestepRange range, double specificProbability, LossSpec loss) {}
