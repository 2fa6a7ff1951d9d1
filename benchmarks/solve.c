/* The plain closed form of the one-compartment oral model after one dose: the yardstick of the population solve.
 * Built only by benchmarks/run.py: cc -O3 -shared -fPIC. */

#include <math.h>

void solve(long n_subjects, const long *first, const double *dose, const double *weight, const double *time, const double *theta,
           const double *eta, double *prediction)
{
    for (long i = 0; i < n_subjects; i++) {
        double cl = theta[0] * pow(weight[i] / 70, 0.75) * exp(eta[3 * i]);
        double v = theta[1] * weight[i] / 70 * exp(eta[3 * i + 1]);
        double ka = theta[2] * exp(eta[3 * i + 2]);
        double k = cl / v;
        for (long j = first[i]; j < first[i + 1]; j++)
            prediction[j] = dose[i] * ka / (v * (ka - k)) * (exp(-k * time[j]) - exp(-ka * time[j]));
    }
}
