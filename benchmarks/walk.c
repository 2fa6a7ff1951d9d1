/* The closed form of the one-compartment oral model, walked from event to event like the engine's order 0: the second
 * yardstick of the population solve. Any number of doses, exact at ka = k. Built only by benchmarks/run.py: cc -O3 -shared -fPIC. */

#include <math.h>

static double difference(double a, double b, double exp_a, double exp_b)
{
    double gap = a - b;
    if (fabs(gap) > 0.5)
        return (exp_a - exp_b) / gap;
    double square = 0.25 * gap * gap;
    double sinhc = 1 + square * (1.0 / 6 + square * (1.0 / 120 + square * (1.0 / 5040 + square * (1.0 / 362880 + square / 39916800.0))));
    return sqrt(exp_a * exp_b) * sinhc;
}

void solve(long n_subjects, const long *first, const long *kind, const double *time, const double *amount, const long *observation,
           const double *weight, const double *theta, const double *eta, double *prediction, double *variance)
{
    for (long i = 0; i < n_subjects; i++) {
        double cl = theta[0] * pow(weight[i] / 70.0, 0.75) * exp(eta[3 * i]);
        double v = theta[1] * weight[i] / 70.0 * exp(eta[3 * i + 1]);
        double ka = theta[2] * exp(eta[3 * i + 2]);
        double k = cl / v, depot = 0, central = 0, now = NAN;
        for (long e = first[i]; e < first[i + 1]; e++) {
            if (kind[e] == 0 && observation[e] < 0)
                continue;
            double dt = time[e] - now;
            if (dt > 0) {
                double decay = exp(-k * dt), absorbed = exp(-ka * dt);
                central = central * decay + ka * depot * dt * difference(-k * dt, -ka * dt, decay, absorbed);
                depot *= absorbed;
            }
            now = time[e];
            if (kind[e] == 0) {
                double f = central / v;
                prediction[observation[e]] = f;
                variance[observation[e]] = theta[3] * theta[3] * f * f;
            } else
                depot += amount[e];
        }
    }
}
