/* The closed form of the one-compartment oral model for a population: the yardstick of the population solve.
 * Built only by benchmarks/run.py: cc -O3 -shared -fPIC. */

#include <math.h>

void solve(int n_subjects, const int *first, const double *dose, const double *weight, const double *time, const double *theta,
           const double *eta, double *prediction)
{
    for (int i = 0; i < n_subjects; i++) {
        double cl = theta[0] * pow(weight[i] / 70.0, 0.75) * exp(eta[3 * i]);
        double v = theta[1] * weight[i] / 70.0 * exp(eta[3 * i + 1]);
        double ka = theta[2] * exp(eta[3 * i + 2]);
        double k = cl / v;
        double scale = dose[i] * ka / (v * (ka - k));
        for (int j = first[i]; j < first[i + 1]; j++)
            prediction[j] = scale * (exp(-k * time[j]) - exp(-ka * time[j]));
    }
}
